/** Batch-coupled losses in float64: what the kernel is held against. */
import type { EvaluateRequest } from '../../../engine/engine.ts';
import { InputError } from '../../../errors.ts';
import { resolveHyperparameters } from '../hyperparameters.ts';
import { checkRow, pairInputs } from '../inputs.ts';
import type { HyperparameterValues } from '../objective.ts';
import type { CoupledObjective, CoupledPair, CoupledValue } from './coupled.ts';
import { coupledObjectives, lossById } from './index.ts';

export interface CoupledEvaluation {
  readonly pairs: readonly CoupledValue[];
  readonly loss: number;
}

export interface PreparedCoupled {
  readonly objective: CoupledObjective;
  readonly values: HyperparameterValues;
  readonly pairs: readonly CoupledPair[];
}

/** Checks a request of pair rows and completes them. @throws InputError with a sentence. */
export function prepareCoupled({ objective: id, hyperparameters, rows }: EvaluateRequest): PreparedCoupled {
  const objective = lossById(coupledObjectives, id);
  if (rows.length === 0)
    throw new InputError('There is no pair to evaluate yet: mark one chosen and one rejected answer.');
  const values = resolveHyperparameters(objective, hyperparameters);
  rows.forEach((row, index) => {
    checkRow(row, index, ['chosen', 'rejected', 'refChosen', 'refRejected']);
  });
  const pairs = rows.map((row) => {
    const { chosen, rejected, chosenLogRatio, rejectedLogRatio } = pairInputs(row);
    const policyMargin = chosen - rejected;
    // With log-ratios given, the reference's margin follows from them, whatever rounded sums say.
    const referenceMargin =
      row.chosenLogRatio !== undefined || row.rejectedLogRatio !== undefined
        ? policyMargin - (chosenLogRatio - rejectedLogRatio)
        : row.refChosen! - row.refRejected!;
    return { policyMargin, referenceMargin, chosenLogRatio, rejectedLogRatio };
  });
  return { objective, values, pairs };
}

/** Evaluates the batch in float64. */
export function evaluateCoupledF64(request: EvaluateRequest): CoupledEvaluation {
  const { objective, values, pairs } = prepareCoupled(request);
  const results = objective.evaluate(pairs, values);
  return { pairs: results, loss: results.reduce((sum, each) => sum + each.loss, 0) / results.length };
}
