/** Everything a person can do, as functions. Buttons, keys, the console API and tests call these and nothing else. */
import type { Context } from '../context.ts';
import { candidateIntents } from './candidates.ts';
import { imageIntents } from './images.ts';
import { pairIntents } from './pairs.ts';
import { rankingIntents } from './ranking.ts';
import { samplingIntents } from './sampling.ts';
import { settingsIntents } from './settings.ts';
import { trainingIntents } from './training.ts';
import { workspaceIntents } from './workspace.ts';

export function createIntents(context: Context) {
  return {
    ...imageIntents(context),
    ...candidateIntents(context),
    ...samplingIntents(context),
    ...rankingIntents(context),
    ...pairIntents(context),
    ...settingsIntents(context),
    ...trainingIntents(context),
    ...workspaceIntents(context),
  };
}

export type Intents = ReturnType<typeof createIntents>;
