/** The rewards that objectives share. */
import type { PairInputs } from './inputs.ts';
import type { PairValue } from './objective.ts';

/** DPO's implicit reward, beta times the log-ratio; TRL logs it for every objective with a reference. */
export const implicitRewards = (pair: PairInputs, beta: number): PairValue['rewards'] => ({
  chosen: beta * pair.chosenLogRatio,
  rejected: beta * pair.rejectedLogRatio,
});

/** Rewards without a reference: beta times the summed log-probability. */
export const logpRewards = (pair: PairInputs, beta: number): PairValue['rewards'] => ({
  chosen: beta * pair.chosen,
  rejected: beta * pair.rejected,
});

/** Length-normalised rewards: beta times the mean token log-probability. */
export const meanLogpRewards = (pair: PairInputs, beta: number): PairValue['rewards'] => ({
  chosen: (beta * pair.chosen) / pair.chosenLength,
  rejected: (beta * pair.rejected) / pair.rejectedLength,
});
