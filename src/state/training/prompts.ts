/** What online objectives answer: pictures with a question each, and what is known to be in them. */
import type { TrainingPrompt } from '../../engine/engine.ts';
import { numbered } from '../../numbered.ts';
import { sceneTruth } from '../../toybox/index.ts';
import type { ImageLibrary } from '../images.ts';
import type { AppState } from '../state.ts';

export interface PromptRecord {
  readonly imageId: string;
  readonly prompt: string;
  /** Objects of a Toybox picture. */
  readonly objects?: readonly string[];
}

/** Each picture and prompt of the pairs once; while there are no pairs, all pictures with the prompt of the page. */
export function trainablePrompts({ pairs, images, settings }: AppState): PromptRecord[] {
  const preferred = pairs.filter(({ verdict }) => verdict === 'preferred');
  const asked = preferred.length > 0 ? preferred : images.map(({ id }) => ({ imageId: id, prompt: settings.prompt }));
  const distinct = new Map(
    asked.map(({ imageId, prompt }) => [JSON.stringify([imageId, prompt]), { imageId, prompt }]),
  );
  const scenes = new Map(images.map(({ id, scene }) => [id, scene]));
  return [...distinct.values()].map(({ imageId, prompt }) => {
    const scene = scenes.get(imageId);
    return { imageId, prompt, ...(scene && { objects: sceneTruth(scene).objects }) };
  });
}

/** The prompts as the engine takes them. */
export async function enginePrompts(prompts: readonly PromptRecord[], images: ImageLibrary): Promise<TrainingPrompt[]> {
  return Promise.all(
    prompts.map(async ({ imageId, prompt, objects }, index) => {
      const image = await numbered('Prompt', index, prompts.length, () => images.input(imageId));
      return { image, prompt, objects };
    }),
  );
}
