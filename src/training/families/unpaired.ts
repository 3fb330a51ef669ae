/** Losses over single answers, each called wanted or unwanted (`losses/families/unpaired.ts`), from pairs taken apart. */
import type { TrainEvent } from '../../engine/engine.ts';
import { InputError } from '../../errors.ts';
import type { KernelSpec, Scope, Tensor } from '../../kernels/gpu/index.ts';
import { bucket } from '../../kernels/gpu/pool.ts';
import type { UnpairedObjective } from '../../kernels/losses/families/unpaired.ts';
import type { SequenceInput } from '../../models/policy/index.ts';
import { referenceTokens, sequencesOf, type TokenizedPair, tokensOf } from '../data.ts';
import { scoreReference } from '../reference.ts';
import { answerRuns, mismatched, segmentRuns } from './examples.ts';
import type {
  FamilyOptions,
  FamilyState,
  Footprint,
  MicroBatch,
  RecordedMicroBatch,
  TrainingFamily,
} from './family.ts';
import { pairFootprint } from './pair-footprint.ts';
import { spreadOverTokens, sumRuns, tokenRunKernels, wholeSequences } from './token-runs.ts';
import { recordUnpaired, unpairedKernels } from './unpaired-loss.ts';
import { unpairedMetrics } from './unpaired-metrics.ts';

export class UnpairedFamily implements TrainingFamily {
  readonly kernels: readonly KernelSpec[];
  readonly initialState?: FamilyState;
  readonly #options: FamilyOptions;
  readonly #objective: UnpairedObjective;

  constructor(options: FamilyOptions, objective: UnpairedObjective) {
    this.#options = options;
    this.#objective = objective;
    this.kernels = [...tokenRunKernels, ...unpairedKernels(objective)];
    this.initialState = objective.carry?.(options.settings.hyperparameters, []);
  }

  check(): void {
    const { pairs, settings } = this.#options;
    if (this.#objective.needsMismatched) {
      refuseLonely(this.#objective.label, pairs.length, settings.config.per_device_train_batch_size);
    }
    if (!this.#objective.segments) return;
    const same = pairs.findIndex(({ chosenIds, rejectedIds }) => `${chosenIds}` === `${rejectedIds}`);
    if (same < 0) return;
    throw new InputError(
      `Pair ${same + 1} has one and the same answer twice: ${this.#objective.label} judges the segments in which the two differ.`,
      'pairs',
    );
  }

  footprint(pair: TokenizedPair): Footprint {
    return pairFootprint(pair);
  }

  /** Runs and masks over padded answers, twice where there are mismatched ones, and small tensors per example. */
  lossBytes(pairs: number, longestAnswer: number): number {
    const padded = bucket(2 * pairs * longestAnswer * 4);
    const segments = this.#objective.segments ? longestAnswer : 1;
    return (this.#objective.needsMismatched ? 20 : 14) * padded + 12 * bucket(2 * pairs * segments * 16);
  }

  /** The frozen reference scores every pair once. */
  async *start(signal: AbortSignal | undefined): AsyncGenerator<TrainEvent> {
    const { policy, pairs, references } = this.#options;
    yield* scoreReference(policy, pairs, references, signal, false);
  }

  async microBatch({ scope, batch, gradients, state }: MicroBatch): Promise<RecordedMicroBatch> {
    const { gpu, policy, adapter, settings } = this.#options;
    const objective = this.#objective;
    const pairs = batch.map((index) => this.#options.pairs[index]);
    const sequences = await sequencesOf(pairs);
    const mismatchedSums = objective.needsMismatched ? this.#mismatchedSums(scope, sequences) : undefined;

    const pass = policy.trainingPass(sequences, adapter);
    try {
      const { logps, starts, tokens } = pass;
      const referenceLogps = referenceTokens(pairs.map(({ key }) => this.#options.references.get(key)!));
      const reference = scope.upload('f32', [tokens], referenceLogps, 'reference logps');
      const answers = sumRuns(gpu, scope, wholeSequences(starts), { policy: logps, reference });

      const examples = objective.segments ? segmentRuns(pairs, starts) : answerRuns(starts);
      const labels = examples.map(({ label }) => label);
      const { sums, mask } = objective.segments ? sumRuns(gpu, scope, examples, { policy: logps, reference }) : answers;
      const hyperparameters = { ...settings.hyperparameters, ...state };
      const loss = await recordUnpaired(gpu, scope, { objective, hyperparameters, labels, sums, mismatchedSums });

      const dLogps = spreadOverTokens(gpu, scope, examples, { mask, dRuns: loss.dExamples, tokens });
      pass.backward(dLogps, gradients);
      const { values, examples: seen } = loss.prepared;
      return {
        tokens: tokensOf(pairs),
        read: [loss.partials, answers.sums, loss.results],
        metrics: (read) => unpairedMetrics(read, batch, examples, values.kl),
        ...(objective.carry && { state: objective.carry(values, seen) }),
      };
    } finally {
      pass.dispose();
    }
  }

  /** Log-ratios of answers to other prompts, f32 [examples, SUM_COLUMNS]: no gradient flows through them. */
  #mismatchedSums(scope: Scope, sequences: readonly SequenceInput[]): Tensor {
    const { gpu, policy, adapter } = this.#options;
    const others = mismatched(sequences);
    const work = gpu.scope('mismatched answers');
    try {
      const { logps, starts } = policy.scoreTensors(work, others, adapter);
      const { logps: reference } = policy.scoreTensors(work, others);
      return sumRuns(gpu, scope, wholeSequences(starts), { policy: logps, reference }).sums;
    } finally {
      work.dispose();
    }
  }
}

/** A micro-batch of one pair has no answer to another prompt. @throws InputError with a size that works. */
function refuseLonely(label: string, pairs: number, size: number): void {
  const alone = (each: number) => each === 1 || pairs % each === 1;
  if (pairs > 1 && !alone(size)) return;
  const why = `${label} compares with answers to other prompts of the same micro-batch`;
  if (pairs === 1) throw new InputError(`${why}: one pair is too few; mark a second one.`, 'pairs');
  const better = Array.from({ length: pairs - 1 }, (_, i) => pairs - i).filter((each) => !alone(each));
  const near = better.reduce((best, each) => (Math.abs(each - size) < Math.abs(best - size) ? each : best));
  throw new InputError(
    `${why}, and ${pairs} pairs in micro-batches of ${size} leave one alone: set per_device_train_batch_size to ${near}.`,
    'per_device_train_batch_size',
  );
}
