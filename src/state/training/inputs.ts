/** What a run learns from: as the page has it, and as the engine takes it. */
import type { TrainingPair, TrainRequest } from '../../engine/engine.ts';
import { numbered } from '../../numbered.ts';
import type { ImageLibrary } from '../images.ts';
import { trainingInputs } from '../scores.ts';
import type { AppState, PairRecord } from '../state.ts';
import { enginePrompts, type PromptRecord, trainablePrompts } from './prompts.ts';
import { type RunIntent, trainablePairs } from './run.ts';

export interface RunItems {
  /** None for objectives that sample their own answers. */
  readonly pairs: readonly PairRecord[];
  /** What these answer instead. */
  readonly prompts?: readonly PromptRecord[];
}

/** The pairs or prompts of a run that starts now. */
export function itemsOf(state: AppState, { reward }: Pick<RunIntent, 'reward'>): RunItems {
  return reward === undefined ? { pairs: trainablePairs(state) } : { pairs: [], prompts: trainablePrompts(state) };
}

/** The same as the engine takes them. */
export async function engineItems(
  { pairs, prompts }: RunItems,
  images: ImageLibrary,
  objective: string,
): Promise<Pick<TrainRequest, 'pairs' | 'prompts'>> {
  return {
    pairs: await enginePairs(pairs, images, objective),
    prompts: prompts && (await enginePrompts(prompts, images)),
  };
}

/** The pairs with the scores that this objective asks for. */
function enginePairs(pairs: readonly PairRecord[], images: ImageLibrary, objective: string): Promise<TrainingPair[]> {
  return Promise.all(
    pairs.map(async (pair, index) => {
      const { imageId, prompt, chosen, rejected } = pair;
      const inputs = trainingInputs(objective, pair);
      const image = await numbered('Pair', index, pairs.length, () => images.input(imageId));
      return { image, prompt, chosen, rejected, ...(inputs && { inputs }) };
    }),
  );
}
