/** What online DPO and XPO share: two sampled answers, of which a judge prefers one. */
import { weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import type { GroupBatch, SequenceRow } from './group.ts';

/** Taken off the score of an answer that does not end itself (TRL: `missing_eos_penalty`). */
export const missingEosPenalty = () =>
  weight('missing_eos_penalty', 'p', 'p', 0, 'Taken off the score of an answer that does not end itself.', { max: 10 });

/** Scores after the penalty. */
export const judgedScores = ({ completions }: GroupBatch, penalty: number): number[] =>
  completions.map(({ reward, hasStop = 1 }) => reward - (hasStop === 0 ? penalty : 0));

/** DPO on the two answers: its loss, and its derivative with respect to the first one's log-ratio. The first wins ties. */
export function judgedDpo([first, second]: readonly SequenceRow[], beta: number): { loss: number; slope: number } {
  const sign = first.signal >= second.signal ? 1 : -1;
  const z = sign * beta * (first.logRatio - second.logRatio);
  return { loss: softplus(-z), slope: -sign * beta * sigmoid(-z) };
}
