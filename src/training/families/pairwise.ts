/** Objectives over preference pairs (`losses/index.ts`): chosen and rejected answer, side by side. */
import type { TrainEvent } from '../../engine/engine.ts';
import type { KernelSpec } from '../../kernels/gpu/index.ts';
import { bucket } from '../../kernels/gpu/pool.ts';
import { prepareBatch } from '../../kernels/losses/evaluate.ts';
import type { Objective } from '../../kernels/losses/objective.ts';
import { RESULT_FLOATS } from '../../kernels/preference-loss/kernel.ts';
import { fixedRow, sequencesOf, type TokenizedPair, tokensOf } from '../data.ts';
import { needsCorrupted, needsDivergence, needsNoisy, needsOnPolicyWeight, partsOf } from '../parts.ts';
import { scoreReference } from '../reference.ts';
import type { FamilyOptions, Footprint, MicroBatch, RecordedMicroBatch, TrainingFamily } from './family.ts';
import { noisyArgmax } from './noisy-argmax.ts';
import { lossKernels, needsReference, recordLoss } from './pairwise-loss.ts';
import { pairwiseMetrics } from './pairwise-metrics.ts';

export class PairwiseFamily implements TrainingFamily {
  readonly kernels: readonly KernelSpec[];
  readonly #options: FamilyOptions;
  readonly #objective: Objective;
  readonly #withReference: boolean;
  readonly #withCorrupted: boolean;
  readonly #withNoisy: boolean;
  readonly divergence: boolean;

  constructor(options: FamilyOptions, objective: Objective) {
    this.#options = options;
    this.#objective = objective;
    this.#withReference = needsReference(objective);
    this.#withCorrupted = needsCorrupted(objective);
    this.#withNoisy = needsNoisy(objective);
    this.divergence = needsDivergence(objective);
    this.kernels = lossKernels(objective);
  }

  check(): void {
    const { pairs, settings } = this.#options;
    const nothing = new Float32Array();
    const reference = this.#withReference ? { chosen: nothing, rejected: nothing } : undefined;
    const rows = pairs.map((pair) => fixedRow(pair, reference));
    prepareBatch({ objective: this.#objective.id, hyperparameters: settings.hyperparameters, rows });
  }

  /** The prompt once per picture, and every answer token that predicts another. */
  footprint({ promptIds, chosenIds, rejectedIds, corrupted, noisy }: TokenizedPair): Footprint {
    const again = corrupted || noisy ? chosenIds.length : 0;
    return {
      rows:
        promptIds.length +
        chosenIds.length +
        rejectedIds.length -
        2 +
        (corrupted ? promptIds.length + chosenIds.length - 1 : 0),
      tokens: chosenIds.length + rejectedIds.length + again,
      answer: Math.max(chosenIds.length, rejectedIds.length),
    };
  }

  /** `recordLoss`: up to fourteen tensors over padded answers, and a dozen small ones. */
  lossBytes(pairs: number, longestAnswer: number): number {
    return 14 * bucket(3 * pairs * longestAnswer * 4) + 12 * bucket(pairs * RESULT_FLOATS * 4);
  }

  /** The frozen reference scores every pair once. */
  async *start(signal: AbortSignal | undefined): AsyncGenerator<TrainEvent> {
    const { policy, pairs, references } = this.#options;
    if (this.#withReference) yield* scoreReference(policy, pairs, references, signal, this.#withCorrupted);
  }

  async microBatch({ scope, batch, gradients, signal }: MicroBatch): Promise<RecordedMicroBatch> {
    const { gpu, policy, adapter, settings } = this.#options;
    const objective = this.#objective;
    const pairs = batch.map((index) => this.#options.pairs[index]);
    let references = this.#withReference ? pairs.map(({ key }) => this.#options.references.get(key)!) : undefined;
    let sequences = await sequencesOf(pairs, this.#withCorrupted);
    if (this.#withNoisy) {
      const noisy = await noisyArgmax(policy, adapter, pairs, signal);
      references = references!.map((known, p) => ({ ...known, noisyArgmax: noisy.references[p] }));
      sequences = [...sequences, ...noisy.sequences];
    }

    const pass = policy.trainingPass(sequences, adapter);
    try {
      const { logps, starts } = pass;
      const { hyperparameters } = settings;
      const klFromReference = this.divergence ? pass.diverge().klFromReference : undefined;
      const logCollision = needsOnPolicyWeight(objective) ? pass.scores.logCollision : undefined;
      const policyTokens = { logps, starts, klFromReference, logCollision };
      const loss = await recordLoss(gpu, scope, { objective, hyperparameters, pairs, references, ...policyTokens });
      pass.backward(loss.dLogps, gradients, { dKlFromReference: loss.dKlFromReference });
      return {
        tokens: tokensOf(pairs),
        read: [loss.partials, loss.sums, loss.results, loss.rows],
        metrics: (values) => pairwiseMetrics(values, batch, this.#withReference, partsOf(objective)),
      };
    } finally {
      pass.dispose();
    }
  }
}
