/** What a run is before it starts: its settings and pairs, whether it can start, whether it is an earlier one. */

import { crc32 } from '../../crc32.ts';
import type { Engine, RewardChoice, StepMetrics } from '../../engine/engine.ts';
import type { LossDescription } from '../../kernels/losses/families/description.ts';
import { samplesAnswers } from '../../kernels/losses/families/every.ts';
import { withHyperparameters } from '../../kernels/losses/hyperparameters.ts';
import { hyperparameterValues, objectiveNamed } from '../objectives.ts';
import { trainingInputs } from '../scores.ts';
import type { AppState, ImportedAdapter, PairRecord, RunRecord, Settings } from '../state.ts';
import { promptKey, trainablePrompts } from './prompts.ts';
import { followObjective, LOOKING, SAMPLING, type TrainingSettings, withTraining } from './settings.ts';

/** What may be given for one run alone; the rest comes from the page's settings. */
export interface RunOptions {
  readonly objective?: string;
  readonly hyperparameters?: Readonly<Record<string, number>>;
  readonly settings?: Partial<TrainingSettings>;
  /** What sampled answers earn, for objectives that sample; weights of several rewards can be given here alone. */
  readonly reward?: RewardChoice;
}

/** How Train is called. */
export interface TrainOptions extends RunOptions {
  /** Optimiser steps before the run pauses by itself. */
  readonly steps?: number;
  /** Starts a new run even where one could be continued. */
  readonly fresh?: boolean;
  readonly signal?: AbortSignal;
  readonly onStep?: (metrics: StepMetrics) => void;
}

export type RunIntent = Pick<
  RunRecord,
  'vlm' | 'objective' | 'hyperparameters' | 'settings' | 'from' | 'reward' | 'pairs' | 'pairsKey' | 'textsKey'
>;

/** The pairs that take part. */
export const trainablePairs = ({ pairs }: AppState): PairRecord[] =>
  pairs.filter(({ verdict }) => verdict === 'preferred');

const WHY_NOT_NOW = {
  idle: 'The models are still loading. Training will work as soon as they are ready.',
  loading: 'The models are still loading. Training will work as soon as they are ready.',
  restarting: 'The engine is restarting. Training will work again in a moment.',
} as const;

/** Why training with this objective cannot start now, as a sentence; null when it can. */
export function whyNotTrain(state: AppState, objective = state.settings.objective): string | null {
  if (state.training.phase !== 'idle') return 'Training is under way. Pause it first.';
  if (samplesAnswers(objective)) {
    if (trainablePrompts(state).length === 0) return 'There is no picture to answer about yet. Add one.';
  } else if (trainablePairs(state).length === 0) {
    return 'There are no pairs to learn from yet. Mark one answer chosen and one rejected, then press Add pair.';
  }
  if (state.engine.kind === 'ready') return null;
  return state.engine.kind === 'unavailable' ? state.engine.error.message : WHY_NOT_NOW[state.engine.kind];
}

/**
 * The imported adapter that Train starts from: the one at work, or the one that the present run of this model started
 * from, until Reset; undefined for a fresh one.
 */
export function startOf({ adapter, settings, training }: AppState): ImportedAdapter | undefined {
  if (adapter && adapter.run === undefined) {
    const { step: _, ...imported } = adapter;
    return imported;
  }
  const present = training.runs.find(({ id }) => id === training.run);
  return present?.vlm === settings.vlm ? present.from : undefined;
}

/**
 * What a run started now would be. An imported adapter that it starts from decides the adapter's shape.
 * @throws InputError for a setting that cannot be used.
 */
export function intendedRun(state: AppState, options: RunOptions = {}): RunIntent {
  const { settings } = state;
  const objective = options.objective ?? settings.objective;
  const known = objectiveNamed(objective);
  const following = followObjective(settings.training, settings.objective, objective);
  const training = withTraining(following, options.settings ?? {});
  const from = startOf(state);
  const samples = samplesAnswers(objective);
  const items = samples ? trainablePrompts(state).map(promptKey) : pairTexts(trainablePairs(state), objective);
  const texts = samples ? items : trainablePairs(state).map(textsOf);
  return {
    vlm: settings.vlm,
    objective,
    hyperparameters: known ? hyperparametersOf(known, settings, options) : {},
    settings: { ...training, ...from?.lora },
    ...(from && { from }),
    ...(samples && { reward: options.reward ?? training.reward }),
    pairs: items.length,
    pairsKey: hashOf(items),
    textsKey: hashOf(texts),
  };
}

function hyperparametersOf(known: LossDescription, settings: Settings, { hyperparameters }: RunOptions) {
  const values = hyperparameterValues(settings, known);
  return hyperparameters ? withHyperparameters(known, values, hyperparameters) : values;
}

const hashOf = (items: readonly unknown[]): string =>
  crc32(new TextEncoder().encode(JSON.stringify(items))).toString(16);

const textsOf = ({ imageId, prompt, chosen, rejected }: PairRecord) => [imageId, prompt, chosen, rejected];

/** What tells pairs apart: scores are part of a pair where the objective looks at them. */
const pairTexts = (pairs: readonly PairRecord[], objective: string): readonly unknown[] =>
  pairs.map((pair) => {
    const inputs = trainingInputs(objective, pair);
    return [...textsOf(pair), ...(inputs ? [inputs] : [])];
  });

/** The present run, if it is unfinished and the same as this one: then it is continued. */
export function runToContinue(state: AppState, intent: RunIntent): RunRecord | undefined {
  const run = state.training.runs.find(({ id }) => id === state.training.run);
  if (!run || (run.status !== 'paused' && run.status !== 'failed')) return undefined;
  const essence = ({ vlm, objective, hyperparameters, settings, from, reward, pairsKey }: RunIntent) => {
    const sorted = (values: object) => Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
    const beside: readonly string[] = reward === undefined ? [...LOOKING, ...SAMPLING] : LOOKING;
    const learning = sorted(settings).filter(([key]) => !beside.includes(key));
    return JSON.stringify([vlm, objective, sorted(hyperparameters), learning, from?.key, reward, pairsKey]);
  };
  return essence(run) === essence(intent) ? run : undefined;
}

export type TrainingEngine = Pick<Engine, 'train' | 'adapter' | 'sample' | 'sampleBatch' | 'logps'>;
