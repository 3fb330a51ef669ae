/** Group losses over a batch in float64: what the kernels are held against. */
import { InputError } from '../../../errors.ts';
import { resolveHyperparameters } from '../hyperparameters.ts';
import type { HyperparameterValues } from '../objective.ts';
import { groupsOf } from './advantages.ts';
import type {
  Completion,
  GroupBatch,
  GroupObjective,
  SequenceObjective,
  SequenceRow,
  TokenObjective,
  TokenRow,
} from './group.ts';
import { groupObjectives, lossById } from './index.ts';

export interface GroupRequest extends GroupBatch {
  readonly objective: string;
  readonly hyperparameters: HyperparameterValues;
}

export interface GroupEvaluation {
  readonly loss: number;
  /** Derivatives of `loss` with respect to every token log-probability, per answer. */
  readonly gradients: readonly (readonly number[])[];
  /** The same with respect to the critic's values, for losses that train one. */
  readonly valueGradients?: readonly (readonly number[])[];
  /** What each answer (or token) was judged by: advantages, or rewards. */
  readonly signals: readonly (readonly number[])[];
  /** Share of the tokens (or answers) whose gradient the clip holds back; token losses only. */
  readonly clipFraction?: number;
}

/** @throws InputError for a batch that cannot be used. */
export function checkGroups({ objective: id, hyperparameters, groupSize, completions }: GroupRequest) {
  const objective: GroupObjective = lossById(groupObjectives, id);
  const values = resolveHyperparameters(objective, hyperparameters);
  if (completions.length === 0) throw new InputError('There is no sampled answer to evaluate yet.');
  const { size, exact, reason } = objective.group;
  if (!Number.isInteger(groupSize) || groupSize < size || (exact && groupSize !== size)) {
    const wanted = exact ? `exactly ${size}` : `at least ${size}`;
    throw new InputError(
      `${objective.label} needs ${wanted} answers per prompt, not ${groupSize}: ${reason}.`,
      'groupSize',
    );
  }
  if (completions.length % groupSize !== 0) {
    throw new InputError(`${completions.length} answers do not make whole groups of ${groupSize}.`, 'groupSize');
  }
  const needed = values.beta === 0 ? objective.needs.filter((name) => name !== 'refLogps') : objective.needs;
  completions.forEach((completion, index) => {
    checkCompletion(completion, index, needed);
  });
  const refused = objective.refuseBatch?.({ groupSize, completions });
  if (refused !== undefined) throw new InputError(`${objective.label}: ${refused}`);
  return { objective, values };
}

function checkCompletion(completion: Completion, index: number, needs: readonly (keyof Completion)[]): void {
  const answer = `Answer ${index + 1}`;
  if (completion.logps.length === 0) throw new InputError(`${answer} has no scored token.`, 'logps');
  for (const name of needs) {
    if (completion[name] === undefined) throw new InputError(`${answer} lacks ${name}.`, name);
  }
  for (const [name, value] of Object.entries(completion) as [string, number | readonly number[] | undefined][]) {
    if (value === undefined) continue;
    const numbers = typeof value === 'number' ? [value] : value;
    const wrong = numbers.find((each) => !Number.isFinite(each));
    if (wrong !== undefined)
      throw new InputError(`${answer} has ${wrong} in ${name}: finite numbers are needed.`, name);
    if (typeof value !== 'number' && value.length !== completion.logps.length) {
      throw new InputError(`${answer} has ${value.length} ${name} for ${completion.logps.length} tokens.`, name);
    }
  }
}

/** One row per token of all answers, in order. */
export function tokenRows(objective: TokenObjective, batch: GroupBatch, values: HyperparameterValues): TokenRow[][] {
  const { advantages, weights, valueTargets } = objective.statistics(batch, values);
  return batch.completions.map(({ logps, oldLogps = logps, refLogps = logps, values: critic, oldValues }, i) =>
    logps.map((logp, t) => ({
      logp,
      oldLogp: oldLogps[t],
      refLogp: refLogps[t],
      advantage: advantages[i][t],
      weight: weights[i][t],
      value: critic?.[t] ?? oldValues?.[t] ?? 0,
      oldValue: oldValues?.[t] ?? 0,
      valueTarget: valueTargets?.[i][t] ?? 0,
    })),
  );
}

/** One row per answer, in order. Log-ratios are sums of token differences. */
export function sequenceRows(
  objective: SequenceObjective,
  batch: GroupBatch,
  values: HyperparameterValues,
): SequenceRow[] {
  const signals = objective.signals(batch, values);
  return batch.completions.map(({ logps, oldLogps = logps, refLogps = logps }, i) => {
    const against = objective.ratioTo === 'old' ? oldLogps : objective.ratioTo === 'reference' ? refLogps : logps;
    return {
      logp: logps.reduce((sum, logp) => sum + logp, 0),
      logRatio: logps.reduce((sum, logp, t) => sum + (logp - against[t]), 0),
      length: logps.length,
      signal: signals[i],
    };
  });
}

/** Evaluates loss and gradients in float64. @throws InputError for a batch that cannot be used. */
export function evaluateGroupF64(request: GroupRequest): GroupEvaluation {
  const { objective, values } = checkGroups(request);
  if (objective.level === 'token') {
    const rows = tokenRows(objective, request, values);
    const results = rows.map((row) => row.map((token) => objective.evaluate(token, values)));
    const flat = results.flat();
    return {
      loss: rows.flat().reduce((sum, { weight }, i) => sum + weight * flat[i].loss, 0),
      gradients: results.map((row, i) => row.map((each, t) => rows[i][t].weight * each.gradient)),
      valueGradients: results.map((row, i) => row.map((each, t) => rows[i][t].weight * each.valueGradient)),
      signals: rows.map((row) => row.map((token) => token.advantage)),
      clipFraction: flat.reduce((sum, each) => sum + each.clipped, 0) / flat.length,
    };
  }
  const rows = sequenceRows(objective, request, values);
  const scale = objective.scale(request);
  const results = groupsOf(rows, request.groupSize).flatMap((group) =>
    group.map((_, index) => objective.evaluate(group, index, values)),
  );
  return {
    loss: scale * results.reduce((sum, each) => sum + each.loss, 0),
    gradients: request.completions.map(({ logps }, i) => logps.map(() => scale * results[i].gradient)),
    signals: rows.map((row) => [row.signal]),
  };
}
