/**
 * Which pairs to train on when there are many pictures: those that have most to teach, mixed so that saying less is no
 * way to win.
 *
 * A model that hallucinates adds things, so the answer that a judge rejects nearly always says more than the
 * chosen one, and a policy learns to end its lists early, true things included: preference losses take length for
 * quality (Park et al. 2024, arXiv:2403.19159). Pairs that swap one thing for another keep the number of things out of
 * the comparison, and pairs whose rejected answer leaves something out push the other way.
 */
import type { JudgedPair } from './judged-pairs.ts';
import { type Difference, thingsBeyond, thingsIn } from './things.ts';

/** Pairs that are kept when there are more pictures, unless somebody says otherwise. */
export const PAIRS_KEPT = 64;

/** Pairs that swap things to one that adds. */
const SWAPS_PER_ADDITION = 2;

/**
 * How many things fewer, per pair, the chosen answers may name than the rejected ones before the next pair is one that
 * omits: enough to teach that something is to be left out, too little to teach brevity. Measured in docs/training.md.
 */
const THINGS_BEHIND = 0.3;

/** Pairs that the same thing may decide before others come first: sixty pairs about one thing teach about one thing. */
const PAIRS_PER_THING = 3;

/** What decides a pair: the things that only the rejected answer names or, where it merely omits, only the chosen one. */
function deciding({ chosen, rejected }: JudgedPair): string[] {
  const added = thingsBeyond(rejected.text, chosen.text);
  return added.length > 0 ? added : thingsBeyond(chosen.text, rejected.text);
}

/** Things that the chosen answer names beyond the rejected one; negative where it names fewer. */
const lead = ({ chosen, rejected }: JudgedPair): number =>
  thingsIn(chosen.text).length - thingsIn(rejected.text).length;

/**
 * Takes at most one pair of every picture, `most` in all, by worth within each difference: two that swap to one that
 * adds, and one that omits whenever the chosen answers have fallen behind. Where a difference runs out the others go on
 * without it, and at last what is left is taken by worth, pairs that name the same things at the very end.
 * @param pictures Each with the pairs it offers, at most one of a difference: `judgedPairs`.
 * @returns the pictures that take part, in their order, each with its pair.
 */
export function balancedPairs<Picture extends { readonly pairs: readonly JudgedPair[] }>(
  pictures: readonly Picture[],
  most: number,
): (Picture & { readonly pair: JudgedPair })[] {
  const offers = pictures
    .flatMap(({ pairs }, picture) => pairs.map((pair) => ({ picture, pair, things: deciding(pair) })))
    .sort((a, b) => b.pair.worth - a.pair.worth);
  type Offer = (typeof offers)[number];
  const taken = new Map<number, JudgedPair>();
  const decided = new Map<string, number>();
  const take = ({ picture, pair, things }: Offer) => {
    taken.set(picture, pair);
    for (const thing of things) decided.set(thing, (decided.get(thing) ?? 0) + 1);
  };
  const free = ({ picture }: Offer) => !taken.has(picture);
  const fresh = ({ things }: Offer) => things.every((thing) => (decided.get(thing) ?? 0) < PAIRS_PER_THING);

  const open = new Set<Difference>(['swaps', 'adds', 'omits']);
  const counts = { swaps: 0, adds: 0, omits: 0, none: 0 };
  let ahead = 0;
  while (taken.size < most && open.size > 0) {
    const turn = counts.swaps < SWAPS_PER_ADDITION * (counts.adds + 1) ? 'swaps' : 'adds';
    const wanted = ahead < -THINGS_BEHIND * taken.size ? 'omits' : turn;
    const next = open.has(wanted) ? wanted : [...open][0];
    const offer = offers.find((each) => each.pair.difference === next && free(each) && fresh(each));
    if (!offer) {
      open.delete(next);
      continue;
    }
    take(offer);
    counts[next]++;
    ahead += lead(offer.pair);
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
