/** Losses in which the pairs of a micro-batch act on one another (`losses/families/coupled.ts`). */
import type { StepPair, TrainEvent } from '../../engine/engine.ts';
import { COUPLED_LOSS_FLOATS } from '../../kernels/coupled-loss/kernel.ts';
import type { KernelSpec } from '../../kernels/gpu/index.ts';
import { bucket } from '../../kernels/gpu/pool.ts';
import type { CoupledObjective } from '../../kernels/losses/families/coupled.ts';
import { referenceTokens, sequencesOf, type TokenizedPair, tokensOf } from '../data.ts';
import { scoreReference } from '../reference.ts';
import { coupledKernels, recordCoupled } from './coupled-loss.ts';
import type {
  FamilyOptions,
  Footprint,
  MicroBatch,
  MicroBatchMetrics,
  RecordedMicroBatch,
  TrainingFamily,
} from './family.ts';
import { pairFootprint } from './pair-footprint.ts';
import { columnOf, spreadOverTokens, sumRuns, tokenRunKernels, wholeSequences } from './token-runs.ts';

export class CoupledFamily implements TrainingFamily {
  readonly kernels: readonly KernelSpec[];
  readonly #options: FamilyOptions;
  readonly #objective: CoupledObjective;

  constructor(options: FamilyOptions, objective: CoupledObjective) {
    this.#options = options;
    this.#objective = objective;
    this.kernels = [...tokenRunKernels, ...coupledKernels(objective)];
  }

  /** Any pairs will do, one at a time too: it is then compared with itself. */
  check(): void {}

  footprint(pair: TokenizedPair): Footprint {
    return pairFootprint(pair);
  }

  /** Runs and masks over padded answers, and small tensors per pair. */
  lossBytes(pairs: number, longestAnswer: number): number {
    return 8 * bucket(2 * pairs * longestAnswer * 4) + 8 * bucket(2 * pairs * 16);
  }

  /** The frozen reference scores every pair once. */
  async *start(signal: AbortSignal | undefined): AsyncGenerator<TrainEvent> {
    const { policy, pairs, references } = this.#options;
    yield* scoreReference(policy, pairs, references, signal, false);
  }

  async microBatch({ scope, batch, gradients }: MicroBatch): Promise<RecordedMicroBatch> {
    const { gpu, policy, adapter, settings } = this.#options;
    const { hyperparameters } = settings;
    const pairs = batch.map((index) => this.#options.pairs[index]);

    const pass = policy.trainingPass(await sequencesOf(pairs), adapter);
    try {
      const { logps, starts, tokens } = pass;
      const referenceLogps = referenceTokens(pairs.map(({ key }) => this.#options.references.get(key)!));
      const reference = scope.upload('f32', [tokens], referenceLogps, 'reference logps');
      const answers = wholeSequences(starts);
      const { sums, mask } = sumRuns(gpu, scope, answers, { policy: logps, reference });
      const loss = await recordCoupled(gpu, scope, { objective: this.#objective, hyperparameters, sums });
      pass.backward(spreadOverTokens(gpu, scope, answers, { mask, dRuns: loss.dAnswers, tokens }), gradients);
      return {
        tokens: tokensOf(pairs),
        read: [loss.partials, sums, loss.results],
        metrics: (values) => coupledMetrics(values, batch, hyperparameters.beta),
      };
    } finally {
      pass.dispose();
    }
  }
}

/**
 * As TRL's DPOTrainer logs them: rewards are beta times log-ratios, whatever the loss makes of them.
 * @param values partial means of the loss; sums of chosen and rejected answers in turn; results per pair.
 */
function coupledMetrics(
  [partials, sums, results]: readonly Float32Array[],
  batch: readonly number[],
  beta: number,
): MicroBatchMetrics {
  const [logps, logRatios] = [columnOf(sums, 'policy'), columnOf(sums, 'logRatio')];
  const pairs = batch.map((index, p) => ({
    index,
    loss: results[p * COUPLED_LOSS_FLOATS],
    margin: beta * (logRatios[2 * p] - logRatios[2 * p + 1]),
    chosen: logps[2 * p],
    rejected: logps[2 * p + 1],
    chosenLogRatio: logRatios[2 * p],
    rejectedLogRatio: logRatios[2 * p + 1],
  }));
  const mean = (value: (pair: Required<Omit<StepPair, 'inputs'>>) => number) =>
    pairs.reduce((sum, pair) => sum + value(pair), 0) / pairs.length;
  return {
    means: {
      loss: partials.reduce((sum, part) => sum + part, 0),
      'rewards/chosen': beta * mean((pair) => pair.chosenLogRatio),
      'rewards/rejected': beta * mean((pair) => pair.rejectedLogRatio),
      'rewards/margins': mean((pair) => pair.margin),
      'rewards/accuracies': mean((pair) => (pair.margin > 0 ? 1 : 0)),
      'logps/chosen': mean((pair) => pair.chosen),
      'logps/rejected': mean((pair) => pair.rejected),
      'log_ratios/chosen': mean((pair) => pair.chosenLogRatio),
      'log_ratios/rejected': mean((pair) => pair.rejectedLogRatio),
    },
    pairs,
  };
}
