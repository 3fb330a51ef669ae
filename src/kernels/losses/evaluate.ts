/** Evaluating an objective over rows in float64: the code path of pages without WebGPU, and what the kernel is held to. */
import type { BatchMetrics, EvaluateRequest, Evaluation, PairEvaluation, PairRow } from '../../engine/engine.ts';
import { InputError } from '../../errors.ts';
import { resolveHyperparameters } from './hyperparameters.ts';
import { objectiveById } from './index.ts';
import { checkRow, type PairInputs, pairInputs } from './inputs.ts';
import type { HyperparameterValues, Objective } from './objective.ts';

export { resolveHyperparameters };

/** An `EvaluateRequest` that has been checked: what both back ends start from. */
export interface PreparedBatch {
  readonly objective: Objective;
  /** Every hyperparameter, defaults filled in, and the batch statistics of `objective.prepare`. */
  readonly values: HyperparameterValues;
  readonly pairs: readonly PairInputs[];
  /** Weight of the NLL of the chosen answers in the batch loss; 0 where the objective has none. */
  readonly nllWeight: number;
  /** Scored tokens of all chosen answers: the NLL's denominator. 1 where no NLL is asked for. */
  readonly chosenTokens: number;
  /** The batch term that carries no gradient. */
  readonly constant: number;
}

/** Checks a request and completes its rows and hyperparameters; throws `InputError` with a sentence. */
export function prepareBatch(request: EvaluateRequest): PreparedBatch {
  const objective = objectiveById(request.objective);
  if (request.rows.length === 0)
    throw new InputError('There is no pair to evaluate yet: mark one chosen and one rejected answer.');
  const values = resolveHyperparameters(objective, request.hyperparameters);
  const nllWeight = objective.batchTerm?.nllWeight?.(values) ?? 0;
  request.rows.forEach((row, index) => {
    checkRow(row, index, objective.needs);
  });
  const pairs = request.rows.map(pairInputs);
  pairs.forEach((pair, index) => {
    const reason = objective.refusePair?.(pair);
    if (reason !== undefined) throw new InputError(`Pair ${index + 1}: ${reason}`);
  });
  return {
    objective,
    values: objective.prepare?.(pairs, values) ?? values,
    pairs,
    nllWeight,
    chosenTokens: nllWeight === 0 ? 1 : pairs.reduce((sum, pair) => sum + pair.chosenLength, 0),
    constant: objective.batchTerm?.constant?.(values) ?? 0,
  };
}

/** Token-mean NLL of the chosen answers of a batch (TRL: cross entropy with reduction `mean`). */
export function chosenNll(pairs: readonly PairInputs[], chosenTokens: number): number {
  return -pairs.reduce((sum, pair) => sum + pair.chosen, 0) / chosenTokens;
}

/** Evaluates every pair and the batch means in float64. */
export function evaluateF64(request: EvaluateRequest): Evaluation {
  const batch = prepareBatch(request);
  const { objective, values, pairs, nllWeight, chosenTokens, constant } = batch;
  const results = pairs.map((pair) => objective.evaluate(pair, values));
  const nllTerm = nllWeight === 0 ? 0 : nllWeight * chosenNll(pairs, chosenTokens);
  return { pairs: results, batch: batchMeans(results, request.rows, nllTerm + constant), backend: 'f64' };
}

/** Batch means under TRL's names. A tie is not accurate: the comparison is strict. */
function batchMeans(results: readonly PairEvaluation[], rows: readonly PairRow[], batchTerm: number): BatchMetrics {
  const mean = (value: (result: PairEvaluation, row: PairRow) => number): number =>
    results.reduce((sum, result, i) => sum + value(result, rows[i]), 0) / results.length;
  return {
    loss: mean((result) => result.loss) + batchTerm,
    'rewards/chosen': mean((result) => result.rewards.chosen),
    'rewards/rejected': mean((result) => result.rewards.rejected),
    'rewards/margins': mean((result) => result.margin),
    'rewards/accuracies': mean((result) => (result.rewards.chosen > result.rewards.rejected ? 1 : 0)),
    'logps/chosen': mean((_, row) => row.chosen),
    'logps/rejected': mean((_, row) => row.rejected),
  };
}

/**
 * Gradients of the batch loss (mean over pairs plus the NLL) with respect to the summed log-probabilities: what the
 * backward pass multiplies into every token of a sequence.
 */
export function batchGradientsF64(request: EvaluateRequest): { chosen: number; rejected: number }[] {
  const { objective, values, pairs, nllWeight, chosenTokens } = prepareBatch(request);
  return pairs.map((pair) => {
    const { gradients } = objective.evaluate(pair, values);
    return {
      chosen: gradients.chosen / pairs.length - nllWeight / chosenTokens,
      rejected: gradients.rejected / pairs.length,
    };
  });
}
