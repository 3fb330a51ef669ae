/**
 * Scores of a pair's two answers, for objectives that ask by how much one is better: a person's where there are any, else
 * CLIP's. What is computed from them alone stands here too: the probability that an answer wins.
 */
import { InputError } from '../errors.ts';
import { taggedLoss } from '../kernels/losses/families/every.ts';
import { needsOfPair } from '../kernels/losses/families/on-pairs.ts';
import { sigmoid } from '../kernels/losses/math.ts';
import type { PairRecord } from './state.ts';

/** Points of a cosine similarity of 1: the logit scale of OpenAI's CLIP. */
export const POINTS = 100;

/**
 * Temperature, in points, of the Bradley–Terry model that turns scores into probabilities of winning. At 1 they are, with
 * the scores of OpenAI's CLIP, that model's softmax over the two answers.
 */
export const WIN_TEMPERATURE = 1;

/** Least and greatest score a person can give with the sliders: CLIP's points lie within. */
export const SCORE_RANGE = { min: 0, max: 50, step: 0.1 } as const;

const SCORE_INPUTS = ['scoreChosen', 'scoreRejected', 'winProbChosen', 'winProbRejected'] as const;
type ScoreInput = (typeof SCORE_INPUTS)[number];

export interface AnswerScores {
  readonly chosen: number;
  readonly rejected: number;
}

/** The scores that count; undefined while nobody has given any. */
export function scoresOf({ given, clip }: Pick<PairRecord, 'given' | 'clip'>): AnswerScores | undefined {
  return given ?? (clip && { chosen: POINTS * clip.chosen, rejected: POINTS * clip.rejected });
}

/** The fields that scores give a row; none without scores. */
export function scoreInputs(pair: Pick<PairRecord, 'given' | 'clip'>): Readonly<Partial<Record<ScoreInput, number>>> {
  const scores = scoresOf(pair);
  if (!scores) return {};
  const wins = sigmoid((scores.chosen - scores.rejected) / WIN_TEMPERATURE);
  return {
    scoreChosen: scores.chosen,
    scoreRejected: scores.rejected,
    winProbChosen: wins,
    winProbRejected: 1 - wins,
  };
}

/** Whether the loss with this id looks at scores of pairs. */
export function needsScores(objective: string): boolean {
  const tagged = taggedLoss(objective);
  const needs: readonly string[] = tagged ? needsOfPair(tagged) : [];
  return SCORE_INPUTS.some((name) => needs.includes(name));
}

/** What the objective asks of a pair in training. A reward model makes its own scores; one loss asks for a margin. */
function scoresInTraining(objective: string): readonly string[] {
  const tagged = taggedLoss(objective);
  if (tagged?.kind === 'pairwise') return tagged.loss.needs;
  return tagged?.kind === 'reward-model' && tagged.loss.needsMargin ? ['scoreChosen', 'scoreRejected'] : [];
}

/** What a pair brings along to training: the scores its objective asks for. */
export function trainingInputs(objective: string, pair: PairRecord): Readonly<Record<string, number>> | undefined {
  const needs: readonly string[] = scoresInTraining(objective);
  const found = Object.entries(scoreInputs(pair)).filter(([name]) => needs.includes(name));
  return found.length > 0 ? Object.fromEntries(found) : undefined;
}

/**
 * A sentence about "Pair 2" of some rows, with the number the pair has on the page: ties and unscored pairs stand there
 * too, but make no rows.
 * @param ids of the rows, in order
 */
export function namedAsOnPage(message: string, ids: readonly string[], pairs: readonly PairRecord[]): string {
  return message.replace(/\bPair (\d+)\b( of \d+)?/, (words, ordinal: string, total: string | undefined) => {
    const index = pairs.findIndex(({ id }) => id === ids[Number(ordinal) - 1]);
    if (index >= 0) return `Pair ${index + 1}${total ? ` of ${pairs.length}` : ''}`;
    return Number(ordinal) > ids.length ? words : 'The marked pair';
  });
}

/** The same for an error about the pairs of a run. */
export function withPageNames(error: unknown, rows: readonly PairRecord[], pairs: readonly PairRecord[]): unknown {
  if (!(error instanceof InputError)) return error;
  return new InputError(
    namedAsOnPage(
      error.message,
      rows.map(({ id }) => id),
      pairs,
    ),
    error.subject,
  );
}
