/** Unpaired losses over a batch in float64: what the kernel is held against. */
import { InputError } from '../../../errors.ts';
import { resolveHyperparameters } from '../hyperparameters.ts';
import type { HyperparameterValues } from '../objective.ts';
import { lossById, unpairedObjectives } from './index.ts';
import type { Example, ExampleRow, ExampleValue, UnpairedObjective } from './unpaired.ts';

export interface UnpairedRequest {
  readonly objective: string;
  readonly hyperparameters: HyperparameterValues;
  readonly rows: readonly ExampleRow[];
}

export interface UnpairedEvaluation {
  readonly examples: readonly ExampleValue[];
  /** Derivative of the batch loss with respect to each example's summed log-probability. */
  readonly batchGradients: readonly number[];
  /** `chosen` and `rejected` are TRL's words for the wanted and the unwanted examples; 0 where there is none. */
  readonly batch: {
    readonly loss: number;
    readonly 'rewards/chosen': number;
    readonly 'rewards/rejected': number;
    readonly 'rewards/margins': number;
  };
}

export interface PreparedExamples {
  readonly objective: UnpairedObjective;
  readonly values: HyperparameterValues;
  readonly examples: readonly Example[];
  /** Examples that enter the mean, wanted ones, unwanted ones: divisors, at least 1. */
  readonly counted: number;
  readonly wanted: number;
  readonly unwanted: number;
}

/** Checks a request and completes its rows. @throws InputError with a sentence. */
export function prepareExamples({ objective: id, hyperparameters, rows }: UnpairedRequest): PreparedExamples {
  const objective = lossById(unpairedObjectives, id);
  if (rows.length === 0) throw new InputError('There is no judged answer to evaluate yet: mark one good or bad.');
  const values = resolveHyperparameters(objective, hyperparameters);
  const examples = rows.map((row, index) => completeRow(objective, row, index));
  const reason = objective.refuseBatch?.(examples);
  if (reason !== undefined) throw new InputError(`${objective.label}: ${reason}`);
  const count = (test: (example: Example) => boolean) => Math.max(1, examples.filter(test).length);
  return {
    objective,
    values: objective.prepare?.(examples, values) ?? values,
    examples,
    counted: count((example) => objective.counts?.(example) ?? true),
    wanted: count((example) => example.label === 1),
    unwanted: count((example) => example.label === 0),
  };
}

function completeRow(objective: UnpairedObjective, row: ExampleRow, index: number): Example {
  const example = `Example ${index + 1}`;
  for (const [name, value] of Object.entries(row)) {
    if (value !== undefined && !Number.isFinite(value)) {
      throw new InputError(`${example} has ${value} as ${name}: a finite number is needed.`, name);
    }
  }
  if (objective.counts === undefined && row.label !== 0 && row.label !== 1) {
    throw new InputError(`${example} has the label ${row.label}: 1 (wanted) or 0 (unwanted) is needed.`, 'label');
  }
  const logRatio = row.logRatio ?? difference(row.logp, row.refLogp);
  const mismatchedLogRatio = row.mismatchedLogRatio ?? difference(row.mismatchedLogp, row.refMismatchedLogp);
  if (Number.isNaN(logRatio)) {
    throw new InputError(`${example} lacks the log-probability of policy or reference (logp, refLogp).`, 'logp');
  }
  if (objective.needsMismatched && Number.isNaN(mismatchedLogRatio)) {
    throw new InputError(`${example} lacks the log-ratio of a mismatched answer (mismatchedLogp).`, 'mismatchedLogp');
  }
  return { label: row.label, logRatio, mismatchedLogRatio };
}

const difference = (policy?: number, reference?: number): number => (policy ?? Number.NaN) - (reference ?? Number.NaN);

/** Evaluates every example and the batch means in float64. */
export function evaluateUnpairedF64(request: UnpairedRequest): UnpairedEvaluation {
  const { objective, values, examples, counted, wanted, unwanted } = prepareExamples(request);
  const results = examples.map((example) => objective.evaluate(example, values));
  const sum = (value: (index: number) => number) => examples.reduce((total, _, index) => total + value(index), 0);
  const chosen = sum((i) => (examples[i].label === 1 ? results[i].reward : 0)) / wanted;
  const rejected = sum((i) => (examples[i].label === 0 ? results[i].reward : 0)) / unwanted;
  return {
    examples: results,
    batchGradients: results.map((result) => result.gradient / counted),
    batch: {
      loss: sum((i) => results[i].loss) / counted,
      'rewards/chosen': chosen,
      'rewards/rejected': rejected,
      'rewards/margins': chosen - rejected,
    },
  };
}
