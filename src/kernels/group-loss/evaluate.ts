/** Group losses over a batch on the GPU: one dispatch, one read-back. */
import type { Gpu } from '../gpu/index.ts';
import { hyperparameterValues } from '../losses/families/description.ts';
import {
  checkGroups,
  type GroupEvaluation,
  type GroupRequest,
  sequenceRows,
  tokenRows,
} from '../losses/families/evaluate-group.ts';
import type { SequenceObjective, TokenObjective } from '../losses/families/group.ts';
import type { HyperparameterValues } from '../losses/objective.ts';
import { ANSWER_FLOATS, ANSWER_LOSS_FLOATS, ANSWERS_PER_GROUP, sequenceLoss } from '../sequence-loss/kernel.ts';
import { TOKEN_FLOATS, TOKEN_LOSS_FLOATS, TOKEN_PARTIALS, TOKENS_PER_GROUP, tokenLoss } from '../token-loss/kernel.ts';

/** Evaluates loss and gradients with the WGSL of the loss. @throws InputError for a batch that cannot be used. */
export async function evaluateGroupOnGpu(gpu: Gpu, request: GroupRequest): Promise<GroupEvaluation> {
  const { objective, values } = checkGroups(request);
  return objective.level === 'token'
    ? await evaluateTokens(gpu, objective, request, values)
    : await evaluateSequences(gpu, objective, request, values);
}

async function evaluateTokens(
  gpu: Gpu,
  objective: TokenObjective,
  request: GroupRequest,
  values: HyperparameterValues,
): Promise<GroupEvaluation> {
  const answers = tokenRows(objective, request, values);
  const tokens = answers.flat();
  const packed = tokens.flatMap((token) => [
    token.logp,
    token.oldLogp,
    token.refLogp,
    token.advantage,
    token.weight,
    token.value,
    token.oldValue,
    token.valueTarget,
  ]);
  const kernel = tokenLoss(objective);
  await gpu.prepare([kernel]);
  const scope = gpu.scope(kernel.name);
  try {
    const groups = Math.ceil(tokens.length / TOKENS_PER_GROUP);
    const rows = scope.upload('f32', [tokens.length, TOKEN_FLOATS], Float32Array.from(packed), 'tokens');
    const results = scope.tensor('f32', [tokens.length, TOKEN_LOSS_FLOATS], 'token losses');
    const partials = scope.tensor('f32', [groups, TOKEN_PARTIALS], 'partial sums');
    const given = { count: tokens.length, reserved_0: 0, reserved_1: 0, ...hyperparameterValues(objective, values) };
    gpu.run(kernel, { rows, results, partials }, given);
    const [perToken, sums] = await gpu.readAll([results, partials]);
    const column = (offset: number) => {
      let token = 0;
      return answers.map((answer) => answer.map(() => perToken[TOKEN_LOSS_FLOATS * token++ + offset]));
    };
    return {
      loss: sumColumn(sums, 0, TOKEN_PARTIALS),
      gradients: column(1),
      valueGradients: column(2),
      signals: answers.map((answer) => answer.map((token) => token.advantage)),
      clipFraction: sumColumn(sums, 1, TOKEN_PARTIALS),
    };
  } finally {
    scope.dispose();
  }
}

async function evaluateSequences(
  gpu: Gpu,
  objective: SequenceObjective,
  request: GroupRequest,
  values: HyperparameterValues,
): Promise<GroupEvaluation> {
  const answers = sequenceRows(objective, request, values);
  const packed = answers.flatMap((answer) => [answer.logp, answer.logRatio, answer.length, answer.signal]);
  const kernel = sequenceLoss(objective);
  await gpu.prepare([kernel]);
  const scope = gpu.scope(kernel.name);
  try {
    const groups = Math.ceil(answers.length / ANSWERS_PER_GROUP);
    const rows = scope.upload('f32', [answers.length, ANSWER_FLOATS], Float32Array.from(packed), 'answers');
    const results = scope.tensor('f32', [answers.length, ANSWER_LOSS_FLOATS], 'answer losses');
    const partials = scope.tensor('f32', [groups, 1], 'partial sums');
    const given = {
      group_size: request.groupSize,
      scale: objective.scale(request),
      reserved: 0,
      ...hyperparameterValues(objective, values),
    };
    gpu.run(kernel, { rows, results, partials }, given);
    const [perAnswer, sums] = await gpu.readAll([results, partials]);
    return {
      loss: sumColumn(sums, 0, 1),
      gradients: request.completions.map(({ logps }, i) => logps.map(() => perAnswer[ANSWER_LOSS_FLOATS * i + 1])),
      signals: answers.map((answer) => [answer.signal]),
    };
  } finally {
    scope.dispose();
  }
}

function sumColumn(partials: ArrayLike<number>, first: number, columns: number): number {
  let sum = 0;
  for (let at = first; at < partials.length; at += columns) sum += partials[at];
  return sum;
}
