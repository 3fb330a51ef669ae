/** What online objectives answer: pictures with a question each, and what is known to be in them. */
import type { RewardChoice, TrainingPrompt, Truth } from '../../engine/engine.ts';
import { numbered } from '../../numbered.ts';
import type { Seen } from '../../photographs/index.ts';
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

/** Whether a reward goes by the truth of the pictures. */
const goesByTruth = (reward: RewardChoice | undefined): boolean =>
  reward === 'truth' || (typeof reward === 'object' && (reward.truth ?? 0) !== 0);

/** Whether the reward asks for the truth of a picture that nobody has looked at yet. */
export function truthIsOwed(prompts: readonly PromptRecord[] | undefined, reward: RewardChoice | undefined): boolean {
  return goesByTruth(reward) && (prompts ?? []).some(({ truth }) => truth === undefined);
}

/**
 * The prompts with the truth of every picture, where the reward goes by it: photographs that nobody has looked at are
 * looked at now, one after another.
 * @throws what `look` throws, with the number of the prompt.
 */
export async function withTruths(
  prompts: readonly PromptRecord[],
  reward: RewardChoice | undefined,
  look: (imageId: string) => Promise<Seen>,
  onProgress?: (done: number, total: number) => void,
): Promise<readonly PromptRecord[]> {
  if (!truthIsOwed(prompts, reward)) return prompts;
  const known: PromptRecord[] = [];
  for (const [index, prompt] of prompts.entries()) {
    onProgress?.(index, prompts.length);
    const seen = prompt.truth ? undefined : await numbered('Prompt', index, prompts.length, () => look(prompt.imageId));
    known.push(seen ? { ...prompt, truth: truthOf({ seen }) } : prompt);
  }
  return known;
}

/**
 * What tells prompts apart. What a detector sees follows from the picture, and may be known later than the run begins;
 * scenes tell their objects, as runs of older versions have it.
 */
export function promptKey({ imageId, prompt, truth }: PromptRecord): unknown {
  return { imageId, prompt, ...(truth?.by === 'scene' && { objects: truth.objects }) };
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
