/** Reward-model losses over a batch in float64: what the kernel is held against. */
import { InputError } from '../../../errors.ts';
import { resolveHyperparameters } from '../hyperparameters.ts';
import type { HyperparameterValues } from '../objective.ts';
import { lossById, rewardModelObjectives } from './index.ts';
import type { RewardModelObjective, ScorePair, ScoreRow, ScoreValue } from './reward-model.ts';

export interface RewardModelRequest {
  readonly objective: string;
  readonly hyperparameters: HyperparameterValues;
  readonly rows: readonly ScoreRow[];
}

export interface RewardModelEvaluation {
  readonly pairs: readonly ScoreValue[];
  /** TRL's names; a tie is not accurate. */
  readonly batch: { readonly loss: number; readonly accuracy: number; readonly margin: number };
}

export interface PreparedScores {
  readonly objective: RewardModelObjective;
  readonly values: HyperparameterValues;
  readonly pairs: readonly ScorePair[];
}

/** Checks a request and completes its rows. @throws InputError with a sentence. */
export function prepareScores({ objective: id, hyperparameters, rows }: RewardModelRequest): PreparedScores {
  const objective = lossById(rewardModelObjectives, id);
  if (rows.length === 0) throw new InputError('There is no pair of scores to evaluate yet.');
  const values = resolveHyperparameters(objective, hyperparameters);
  const pairs = rows.map((row, index) => {
    for (const [name, value] of Object.entries(row)) {
      if (value !== undefined && !Number.isFinite(value)) {
        throw new InputError(`Pair ${index + 1} has ${value} as ${name}: a finite number is needed.`, name);
      }
    }
    if (objective.needsMargin && row.margin === undefined) {
      throw new InputError(`Pair ${index + 1} lacks by how much the chosen answer is better (margin).`, 'margin');
    }
    return { scoreChosen: row.scoreChosen, scoreRejected: row.scoreRejected, margin: row.margin ?? 0 };
  });
  return { objective, values: objective.prepare?.(pairs, values) ?? values, pairs };
}

/** Evaluates every pair and the batch means in float64. The batch gradient of a pair is its own over the batch size. */
export function evaluateRewardModelF64(request: RewardModelRequest): RewardModelEvaluation {
  const { objective, values, pairs } = prepareScores(request);
  const results = pairs.map((pair) => objective.evaluate(pair, values));
  const mean = (value: (index: number) => number) =>
    pairs.reduce((total, _, index) => total + value(index), 0) / pairs.length;
  return {
    pairs: results,
    batch: {
      loss: mean((i) => results[i].loss),
      accuracy: mean((i) => (pairs[i].scoreChosen > pairs[i].scoreRejected ? 1 : 0)),
      margin: mean((i) => pairs[i].scoreChosen - pairs[i].scoreRejected),
    },
  };
}
