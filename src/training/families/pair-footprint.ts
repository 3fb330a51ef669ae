import type { TokenizedPair } from '../data.ts';
import type { Footprint } from './family.ts';

/** Both answers of a pair: the prompt once per picture, and every answer token that predicts another. */
export function pairFootprint({ promptIds, chosenIds, rejectedIds }: TokenizedPair): Footprint {
  return {
    rows: promptIds.length + chosenIds.length + rejectedIds.length - 2,
    tokens: chosenIds.length + rejectedIds.length,
    answer: Math.max(chosenIds.length, rejectedIds.length),
  };
}
