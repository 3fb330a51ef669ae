/** Any loss over rows of preference pairs in float64, as `evaluateF64` does it for the pairwise ones. */
import type { BatchMetrics, EvaluateRequest, Evaluation, PairEvaluation } from '../../../engine/engine.ts';
import { InputError } from '../../../errors.ts';
import { evaluateF64 } from '../evaluate.ts';
import { resolveHyperparameters } from '../hyperparameters.ts';
import { checkRow, type PairInputs, pairInputs } from '../inputs.ts';
import type { HyperparameterValues } from '../objective.ts';
import { evaluateCoupledF64 } from './evaluate-coupled.ts';
import { type EveryLoss, taggedLoss } from './every.ts';
import { needsOfPair, type PairSample, prepareOnPairs, samplePair } from './on-pairs.ts';

/**
 * Rewards are beta times the log-ratio where that is what the loss calls a reward, the scores for a reward model, and
 * NaN where a loss gives answers no reward of its own.
 * @throws InputError for an unknown loss, a row or a hyperparameter that cannot be used.
 */
export function evaluatePairsF64(request: EvaluateRequest): Evaluation {
  const every = taggedLoss(request.objective);
  if (!every) throw new InputError(`There is no objective "${request.objective}".`, request.objective);
  if (every.kind === 'pairwise') return evaluateF64(request);
  const { rows } = request;
  if (rows.length === 0)
    throw new InputError('There is no pair to evaluate yet: mark one chosen and one rejected answer.');
  const given = resolveHyperparameters(every.loss, request.hyperparameters);
  rows.forEach((row, index) => {
    checkRow(row, index, needsOfPair(every));
  });
  const pairs = rows.map(pairInputs);
  const values = prepareOnPairs(every, pairs, given);
  const samples = every.kind === 'coupled' ? coupled(request) : pairs.map((pair) => samplePair(every, pair, values));
  const results = samples.map(({ loss, chosen, rejected }, i): PairEvaluation => {
    const rewards = rewardsOf(every, pairs[i], values);
    return { loss, rewards, margin: rewards.chosen - rewards.rejected, gradients: { chosen, rejected } };
  });
  return { pairs: results, batch: means(results, pairs), backend: 'f64' };
}

/** The batch as a whole, once; gradients per pair, as the other families give them. */
function coupled(request: EvaluateRequest): PairSample[] {
  const { pairs } = evaluateCoupledF64(request);
  return pairs.map(({ loss, gradients }) => ({
    loss,
    chosen: gradients.chosen * pairs.length,
    rejected: gradients.rejected * pairs.length,
  }));
}

function rewardsOf({ kind, loss }: EveryLoss, pair: PairInputs, values: HyperparameterValues) {
  if (kind === 'reward-model') return { chosen: pair.scoreChosen, rejected: pair.scoreRejected };
  const implicit = kind === 'unpaired' || kind === 'coupled' || (kind === 'sequence' && loss.ratioTo === 'reference');
  const scale = implicit ? values.beta : Number.NaN;
  return { chosen: scale * pair.chosenLogRatio, rejected: scale * pair.rejectedLogRatio };
}

function means(results: readonly PairEvaluation[], pairs: readonly PairInputs[]): BatchMetrics {
  const mean = (value: (result: PairEvaluation, pair: PairInputs) => number): number =>
    results.reduce((sum, result, i) => sum + value(result, pairs[i]), 0) / results.length;
  return {
    loss: mean((result) => result.loss),
    'rewards/chosen': mean((result) => result.rewards.chosen),
    'rewards/rejected': mean((result) => result.rewards.rejected),
    'rewards/margins': mean((result) => result.margin),
    'rewards/accuracies': mean(({ margin }) => (Number.isNaN(margin) ? Number.NaN : margin > 0 ? 1 : 0)),
    'logps/chosen': mean((_, pair) => pair.chosen),
    'logps/rejected': mean((_, pair) => pair.rejected),
  };
}
