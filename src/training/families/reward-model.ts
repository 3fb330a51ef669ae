/**
 * Losses that train a reward model (`losses/families/reward-model.ts`): the adapter, and beside it a linear layer that
 * makes one score of the final hidden state of an answer's last token (`AutoModelForSequenceClassification`, TRL's
 * RewardTrainer). The gradient enters the decoder at that hidden state; no log-probability is computed.
 */
import type { KernelSpec } from '../../kernels/gpu/index.ts';
import { bucket } from '../../kernels/gpu/pool.ts';
import { prepareScores } from '../../kernels/losses/families/evaluate-reward-model.ts';
import type { RewardModelObjective } from '../../kernels/losses/families/reward-model.ts';
import { SCORE_FLOATS } from '../../kernels/reward-model-loss/kernel.ts';
import { scoreHead, scoreHeadBackward } from '../../kernels/score-head/kernel.ts';
import { sequencesOf, type TokenizedPair, tokensOf } from '../data.ts';
import type {
  FamilyOptions,
  Footprint,
  MicroBatch,
  MicroBatchMetrics,
  RecordedMicroBatch,
  TrainingFamily,
} from './family.ts';
import { recordScores, rewardModelKernels } from './reward-model-loss.ts';

export class RewardModelFamily implements TrainingFamily {
  readonly kernels: readonly KernelSpec[];
  readonly #options: FamilyOptions;
  readonly #objective: RewardModelObjective;

  constructor(options: FamilyOptions, objective: RewardModelObjective) {
    this.#options = options;
    this.#objective = objective;
    this.kernels = [scoreHead as KernelSpec, scoreHeadBackward as KernelSpec, ...rewardModelKernels(objective)];
  }

  check(): void {
    const { pairs, settings } = this.#options;
    const rows = pairs.map((pair) => ({ scoreChosen: 0, scoreRejected: 0, margin: marginOf(pair) }));
    prepareScores({ objective: this.#objective.id, hyperparameters: settings.hyperparameters, rows });
  }

  /** Every token has a row, the last one too; two of them are scored. */
  footprint({ promptIds, chosenIds, rejectedIds }: TokenizedPair): Footprint {
    return {
      rows: promptIds.length + chosenIds.length + rejectedIds.length,
      tokens: 2,
      answer: Math.max(chosenIds.length, rejectedIds.length),
    };
  }

  /** Scores and their gradients, and hidden states with theirs. */
  lossBytes(pairs: number): number {
    return 8 * bucket(2 * pairs * 4) + 2 * bucket(2 * pairs * this.#options.policy.config.hiddenSize * 4);
  }

  async microBatch({ scope, batch, gradients }: MicroBatch): Promise<RecordedMicroBatch> {
    const { gpu, policy, adapter, settings } = this.#options;
    const { hyperparameters } = settings;
    const pairs = batch.map((index) => this.#options.pairs[index]);

    const pass = policy.scoringPass(await sequencesOf(pairs), adapter);
    try {
      const head = { hidden: pass.hidden, weights: adapter.score };
      const scores = scope.tensor('f32', [2 * pairs.length], 'scores');
      gpu.run(scoreHead, { ...head, scores });
      const margins = pairs.map(marginOf);
      const loss = await recordScores(gpu, scope, { objective: this.#objective, hyperparameters, scores, margins });

      const d_hidden = scope.tensor('f32', pass.hidden.shape, 'd(hidden)');
      const d_weights = adapter.scoreGradient(gradients);
      gpu.run(scoreHeadBackward, { ...head, d_scores: loss.dScores, d_hidden, d_weights });
      pass.backward(d_hidden, gradients);
      return { tokens: tokensOf(pairs), read: [loss.partials, scores], metrics: rewardModelMetrics };
    } finally {
      pass.dispose();
    }
  }
}

/** By how much the chosen answer was called better (TRL's `margin` column): the difference of the pair's scores. */
function marginOf({ inputs = {} }: TokenizedPair): number | undefined {
  const { scoreChosen, scoreRejected } = inputs;
  return scoreChosen === undefined || scoreRejected === undefined ? undefined : scoreChosen - scoreRejected;
}

/**
 * Scores under the names that rewards have elsewhere, so that runs can be laid beside each other; TRL's RewardTrainer
 * calls accuracy and margin the same, without "rewards/".
 * @param values sums of partial means (loss, accuracy, margin); scores of chosen and rejected answers in turn.
 */
function rewardModelMetrics([partials, scores]: readonly Float32Array[]): MicroBatchMetrics {
  const total = (column: number) =>
    partials.reduce((sum, value, at) => (at % SCORE_FLOATS === column ? sum + value : sum), 0);
  const mean = (side: 0 | 1) =>
    scores.reduce((sum, score, s) => (s % 2 === side ? sum + score : sum), 0) / (scores.length / 2);
  return {
    means: {
      loss: total(0),
      'rewards/chosen': mean(0),
      'rewards/rejected': mean(1),
      'rewards/margins': total(2),
      'rewards/accuracies': total(1),
    },
  };
}
