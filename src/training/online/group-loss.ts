/**
 * A loss over groups of sampled answers on the GPU, from token log-probabilities to a gradient per token. Rewards and
 * advantages are a few numbers per answer and come from the CPU; the log-probabilities stay where they are.
 */
import type { Gpu, KernelSpec, Scope, Tensor } from '../../kernels/gpu/index.ts';
import { hyperparameterValues } from '../../kernels/losses/families/description.ts';
import { sequenceRows, tokenRows as tokenRowsOf } from '../../kernels/losses/families/evaluate-group.ts';
import type {
  GroupBatch,
  GroupObjective,
  SequenceObjective,
  TokenObjective,
} from '../../kernels/losses/families/group.ts';
import type { HyperparameterValues } from '../../kernels/losses/objective.ts';
import {
  ANSWER_FLOATS,
  ANSWER_LOSS_FLOATS,
  ANSWERS_PER_GROUP,
  sequenceLoss,
} from '../../kernels/sequence-loss/kernel.ts';
import { SUM_COLUMNS, sequenceReduce, sequenceReduceBackward } from '../../kernels/sequence-reduce/kernel.ts';
import {
  TOKEN_FLOATS,
  TOKEN_LOSS_FLOATS,
  TOKEN_PARTIALS,
  TOKENS_PER_GROUP,
  tokenLoss,
} from '../../kernels/token-loss/kernel.ts';
import { TOKEN_FACTS, tokenRows, tokenRowsBackward } from '../../kernels/token-rows/kernel.ts';

export interface GroupLossBatch {
  readonly objective: GroupObjective;
  /** Every hyperparameter of the objective. */
  readonly hyperparameters: HyperparameterValues;
  /** The answers, in the order of their tokens in `logps`; `logps` of each are the same numbers, read back. */
  readonly batch: GroupBatch;
  /** The policy's, f32 [tokens]: all answers one after another. */
  readonly logps: Tensor;
  /** Answer i has tokens starts[i] .. starts[i + 1] - 1. */
  readonly starts: readonly number[];
}

export interface RecordedGroupLoss {
  /** f32 [tokens]: d(batch loss) / d(logps). */
  readonly dLogps: Tensor;
  /** f32 [tokens]: d(batch loss) / d(values of the critic), of token losses. */
  readonly dValues?: Tensor;
  /** f32 [groups, 2] of a token loss (loss, clipped share), [groups, 1] of a sequence loss: their sums are the batch's. */
  readonly partials: Tensor;
  /** What each answer was judged by: an advantage (of its first token), a share, or the reward. */
  readonly signals: readonly number[];
}

/** Kernels of an objective's training step, to compile ahead. */
export const groupLossKernels = (objective: GroupObjective): readonly KernelSpec[] =>
  objective.level === 'token'
    ? [tokenRows, tokenLoss(objective), tokenRowsBackward]
    : [sequenceReduce, sequenceLoss(objective), sequenceReduceBackward];

/**
 * Records the loss of one micro-batch and its gradient. Nothing is checked here: see `checkGroups`.
 */
export function recordGroupLoss(gpu: Gpu, scope: Scope, batch: GroupLossBatch): RecordedGroupLoss {
  const { objective } = batch;
  return objective.level === 'token'
    ? recordTokenLoss(gpu, scope, objective, batch)
    : recordSequenceLoss(gpu, scope, objective, batch);
}

function recordTokenLoss(
  gpu: Gpu,
  scope: Scope,
  objective: TokenObjective,
  { hyperparameters, batch, logps }: GroupLossBatch,
): RecordedGroupLoss {
  const answers = tokenRowsOf(objective, batch, hyperparameters);
  const packed = answers.flat().flatMap((token) => {
    const { oldLogp, refLogp, advantage, weight, value, oldValue, valueTarget } = token;
    return [oldLogp, refLogp, advantage, weight, value, oldValue, valueTarget];
  });
  const tokens = logps.size;
  const facts = scope.upload('f32', [tokens, TOKEN_FACTS], Float32Array.from(packed), 'token facts');
  const rows = scope.tensor('f32', [tokens, TOKEN_FLOATS], 'tokens');
  gpu.run(tokenRows, { logps, facts, rows });

  const results = scope.tensor('f32', [tokens, TOKEN_LOSS_FLOATS], 'token losses');
  const partials = scope.tensor('f32', [Math.ceil(tokens / TOKENS_PER_GROUP), TOKEN_PARTIALS], 'partial sums');
  const given = { count: tokens, reserved_0: 0, reserved_1: 0, ...hyperparameterValues(objective, hyperparameters) };
  gpu.run(tokenLoss(objective), { rows, results, partials }, given);

  const dLogps = scope.tensor('f32', [tokens], 'd logps');
  const dValues = scope.tensor('f32', [tokens], 'd values');
  gpu.run(tokenRowsBackward, { results, d_logps: dLogps, d_values: dValues });
  return { dLogps, dValues, partials, signals: answers.map(([first]) => first.advantage) };
}

function recordSequenceLoss(
  gpu: Gpu,
  scope: Scope,
  objective: SequenceObjective,
  { hyperparameters, batch, logps, starts }: GroupLossBatch,
): RecordedGroupLoss {
  const answers = batch.completions.length;
  const lengthOf = (i: number) => starts[i + 1] - starts[i];
  const longest = Math.max(...batch.completions.map((_, i) => lengthOf(i)));
  const shape = [answers, longest];
  const policy = scope.tensor('f32', shape, 'policy logps');
  const maskValues = new Uint32Array(answers * longest);
  const againstValues = new Float32Array(answers * longest);
  for (const [i, { logps: own, oldLogps = own, refLogps = own }] of batch.completions.entries()) {
    gpu.copy(logps, policy, { fromIndex: starts[i], toIndex: i * longest, count: lengthOf(i) });
    maskValues.fill(1, i * longest, i * longest + lengthOf(i));
    againstValues.set(objective.ratioTo === 'reference' ? refLogps : oldLogps, i * longest);
  }
  const mask = scope.upload('u32', shape, maskValues, 'response mask');
  // Without a ratio every log-ratio is exactly 0.
  const against = objective.ratioTo ? scope.upload('f32', shape, againstValues, 'logps to compare with') : policy;
  const sums = scope.tensor('f32', [answers, SUM_COLUMNS.length], 'answer sums');
  gpu.run(sequenceReduce, { policy, reference: against, mask, sums });

  // The sums that move with the policy come from the GPU, length and signal from here.
  const described = sequenceRows(objective, batch, hyperparameters);
  const fixed = Float32Array.from(described.flatMap(({ length, signal }) => [0, 0, length, signal]));
  const rows = scope.upload('f32', [answers, ANSWER_FLOATS], fixed, 'answers');
  for (let i = 0; i < answers; i++) {
    for (const [place, column] of ['policy', 'logRatio'].entries()) {
      const fromIndex = i * SUM_COLUMNS.length + SUM_COLUMNS.indexOf(column as (typeof SUM_COLUMNS)[number]);
      gpu.copy(sums, rows, { fromIndex, toIndex: i * ANSWER_FLOATS + place, count: 1 });
    }
  }
  const results = scope.tensor('f32', [answers, ANSWER_LOSS_FLOATS], 'answer losses');
  const partials = scope.tensor('f32', [Math.ceil(answers / ANSWERS_PER_GROUP), 1], 'partial sums');
  const given = { group_size: batch.groupSize, scale: objective.scale(batch), reserved: 0 };
  const knobs = hyperparameterValues(objective, hyperparameters);
  gpu.run(sequenceLoss(objective), { rows, results, partials }, { ...given, ...knobs });

  const dAnswers = scope.tensor('f32', [answers], 'd answers');
  for (let i = 0; i < answers; i++) {
    gpu.copy(results, dAnswers, { fromIndex: i * ANSWER_LOSS_FLOATS + 1, toIndex: i, count: 1 });
  }
  const dPolicy = scope.tensor('f32', shape, 'd policy logps');
  gpu.run(sequenceReduceBackward, { d_log_ratio: dAnswers, mask, d_policy: dPolicy });
  const dLogps = scope.tensor('f32', [starts[answers]], 'd logps');
  for (let i = 0; i < answers; i++) {
    gpu.copy(dPolicy, dLogps, { fromIndex: i * longest, toIndex: starts[i], count: lengthOf(i) });
  }
  return { dLogps, partials, signals: described.map(({ signal }) => signal) };
}
