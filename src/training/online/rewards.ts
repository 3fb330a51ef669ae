/** What a sampled answer earns. Knows no model: CLIP comes in as a function. */
import type { RewardChoice, RewardName } from '../../engine/engine.ts';
import { InputError } from '../../errors.ts';

export const REWARD_NAMES: readonly RewardName[] = ['clip', 'truth'];

/** One reward function with its weight; an answer earns the weighted sum over all of them, as in TRL. */
export interface RewardFunction {
  readonly name: RewardName;
  readonly weight: number;
  /** One number per text about the prompt with this index. */
  score(prompt: number, texts: readonly string[], signal: AbortSignal | undefined): Promise<readonly number[]>;
}

/**
 * The weights of a choice; what has none takes no part.
 * @throws InputError for a name there is none of, a weight that is no number, or nothing but zeros.
 */
export function rewardWeights(choice: RewardChoice): Readonly<Partial<Record<RewardName, number>>> {
  const given = Object.entries(typeof choice === 'string' ? { [choice]: 1 } : choice);
  for (const [name, weight] of given) {
    if (!REWARD_NAMES.includes(name as RewardName)) {
      throw new InputError(`There is no reward "${name}"; choose ${REWARD_NAMES.join(' or ')}.`, 'reward');
    }
    if (!Number.isFinite(weight)) {
      throw new InputError(`The weight of the reward "${name}" is ${weight}; it must be a finite number.`, 'reward');
    }
  }
  const used = given.filter(([, weight]) => weight !== 0);
  if (used.length === 0) throw new InputError('No reward has a weight, so no answer could earn anything.', 'reward');
  return Object.fromEntries(used);
}

/** What an empty answer earns from CLIP: the least that a cosine can be. */
export const EMPTY_CLIP = -1;

/** CLIP's cosine similarity of picture and answer; `EMPTY_CLIP` for an answer without text. */
export async function clipReward(
  texts: readonly string[],
  similarity: (texts: readonly string[]) => Promise<readonly number[]>,
): Promise<number[]> {
  const written = texts.filter((text) => text.trim() !== '');
  const scores = written.length > 0 ? await similarity(written) : [];
  let at = 0;
  return texts.map((text) => (text.trim() === '' ? EMPTY_CLIP : scores[at++]));
}
