/**
 * Which pairs to train on when there are many pictures: those that have most to teach, mixed so that saying less is no
 * way to win.
 *
 * A model that hallucinates adds things, so where CLIP judges, the rejected answer nearly always says more than the
 * chosen one, and a policy learns to end its lists early, true things included: preference losses take length for
 * quality (Park et al. 2024, arXiv:2403.19159). Pairs that swap one thing for another keep the number of things out of
 * the comparison, and pairs whose rejected answer leaves something out push the other way.
 */
import type { ClipPair } from './clip-pairs.ts';
import { type Difference, thingsBeyond } from './things.ts';

/** Pairs that are kept when there are more pictures, unless somebody says otherwise. */
export const CLIP_PAIRS = 64;

/** How many pairs of each difference there are to one that adds; measured in docs/training.md. */
const SHARES: readonly (readonly [Exclude<Difference, 'none'>, number])[] = [
  ['swaps', 2],
  ['adds', 1],
  ['omits', 1],
];

/** Pairs that the same thing may decide before others come first: sixty pairs about one thing teach about one thing. */
const PAIRS_PER_THING = 3;

/** What decides a pair: the things that only the rejected answer names or, where it merely omits, only the chosen one. */
function deciding({ chosen, rejected }: ClipPair): string[] {
  const added = thingsBeyond(rejected.text, chosen.text);
  return added.length > 0 ? added : thingsBeyond(chosen.text, rejected.text);
}

/**
 * Takes at most one pair of every picture, `most` in all, by worth within each difference and the differences by their
 * shares. Where they run out, what is left is taken by worth, pairs that name the same things last.
 * @param pictures Each with the pairs it offers, at most one of a difference: `clipPairs`.
 * @returns the pictures that take part, in their order, each with its pair.
 */
export function balancedPairs<Picture extends { readonly pairs: readonly ClipPair[] }>(
  pictures: readonly Picture[],
  most: number,
): (Picture & { readonly pair: ClipPair })[] {
  const offers = pictures
    .flatMap(({ pairs }, picture) => pairs.map((pair) => ({ picture, pair, things: deciding(pair) })))
    .sort((a, b) => b.pair.worth - a.pair.worth);
  type Offer = (typeof offers)[number];
  const taken = new Map<number, ClipPair>();
  const decided = new Map<string, number>();
  const take = ({ picture, pair, things }: Offer) => {
    taken.set(picture, pair);
    for (const thing of things) decided.set(thing, (decided.get(thing) ?? 0) + 1);
  };
  const free = ({ picture }: Offer) => !taken.has(picture);
  const fresh = ({ things }: Offer) => things.every((thing) => (decided.get(thing) ?? 0) < PAIRS_PER_THING);

  const counts = SHARES.map(([difference, share]) => ({ difference, share, count: 0 }));
  const open = new Set(counts);
  while (taken.size < most && open.size > 0) {
    const next = [...open].reduce((a, b) => ((b.count + 1) / b.share < (a.count + 1) / a.share ? b : a));
    const offer = offers.find((each) => each.pair.difference === next.difference && free(each) && fresh(each));
    if (!offer) {
      open.delete(next);
      continue;
    }
    take(offer);
    next.count++;
  }
  const same = ({ pair }: Offer) => pair.difference === 'none';
  for (const offer of [...offers.filter((each) => !same(each)), ...offers.filter(same)]) {
    if (taken.size < most && free(offer)) take(offer);
  }
  return pictures.flatMap((picture, index) => {
    const pair = taken.get(index);
    return pair ? [{ ...picture, pair }] : [];
  });
}
