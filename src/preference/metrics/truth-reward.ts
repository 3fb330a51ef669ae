/** What an answer about a picture of known objects is worth, as one number. */
import type { Truth } from '../../engine/engine.ts';
import { mentionsIn } from '../truth.ts';

/**
 * Reward of the truth: with R the distinct nouns that an answer mentions and that are there, W those it mentions and that
 * are not, and N the objects that are there, (R - W) / max(1, N). So 1 for everything and nothing but, 0 for silence,
 * below 0 for an answer that invents more than it sees. This is recall less hallucination; repeating a noun changes
 * nothing, nor does one that is doubtful. Nouns are found as CHAIR's word list finds them (Rohrbach et al. 2018); a noun
 * in a denial counts as mentioned, so ask for descriptions.
 */
export function truthReward(text: string, { by, objects, doubtful }: Truth): number {
  const there = new Set(objects);
  const mentioned = new Set(mentionsIn(text, by).map(({ noun }) => noun));
  for (const noun of doubtful) mentioned.delete(noun);
  const right = [...mentioned].filter((noun) => there.has(noun)).length;
  return (right - (mentioned.size - right)) / Math.max(1, there.size);
}
