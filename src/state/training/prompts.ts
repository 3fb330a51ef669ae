/** What online objectives answer: pictures with a question each, and what is known to be in them. */
import type { TrainingPrompt, Truth } from '../../engine/engine.ts';
import { numbered } from '../../numbered.ts';
import { truthOf } from '../../preference/truth.ts';
import type { ImageLibrary } from '../images.ts';
import type { AppState } from '../state.ts';

export interface PromptRecord {
  readonly imageId: string;
  readonly prompt: string;
  /** A scene's, or what the detector saw by then. */
  readonly truth?: Truth;
}

/** Each picture and prompt of the pairs once; while there are no pairs, all pictures with the prompt of the page. */
export function trainablePrompts({ pairs, images, settings }: AppState): PromptRecord[] {
  const preferred = pairs.filter(({ verdict }) => verdict === 'preferred');
  const asked = preferred.length > 0 ? preferred : images.map(({ id }) => ({ imageId: id, prompt: settings.prompt }));
  const distinct = new Map(
    asked.map(({ imageId, prompt }) => [JSON.stringify([imageId, prompt]), { imageId, prompt }]),
  );
  const truths = new Map(images.map((image) => [image.id, truthOf(image)]));
  return [...distinct.values()].map(({ imageId, prompt }) => {
    const truth = truths.get(imageId);
    return { imageId, prompt, ...(truth && { truth }) };
  });
}

/** The prompts as the engine takes them. */
export async function enginePrompts(prompts: readonly PromptRecord[], images: ImageLibrary): Promise<TrainingPrompt[]> {
  return Promise.all(
    prompts.map(async ({ imageId, prompt, truth }, index) => {
      const image = await numbered('Prompt', index, prompts.length, () => images.input(imageId));
      return { image, prompt, truth };
    }),
  );
}
