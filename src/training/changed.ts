/**
 * Which tokens of two answers were corrected, as RLHF-V's code finds them (arXiv:2312.00849, `utils/diff_lib.py`): runs of
 * at least three equal tokens tie the answers together, and between two such runs everything is a correction, if both
 * sides have something there. What only one side has is an insertion, and counts on neither.
 */
import type { TokenizedPair } from './data.ts';

/** Shortest run of equal tokens that counts as unchanged. */
const SHORTEST_MATCH = 3;

export interface ChangedTokens {
  readonly chosen: readonly boolean[];
  readonly rejected: readonly boolean[];
}

type ChangedPair = Pick<TokenizedPair, 'promptIds' | 'chosenIds' | 'rejectedIds'>;

const known = new WeakMap<ChangedPair, ChangedTokens>();

/** Flags per token of both answers. The prompt goes in front of both: their first tokens continue a run that began there. */
export function changedTokens(pair: ChangedPair): ChangedTokens {
  let changed = known.get(pair);
  if (!changed) {
    const { promptIds, chosenIds, rejectedIds } = pair;
    const [a, b] = [rejectedIds, chosenIds].map((ids) => [...promptIds, ...ids]);
    const [rejected, chosen] = substitutions(a, b).map((flags) => flags.slice(promptIds.length));
    changed = { chosen, rejected };
    known.set(pair, changed);
  }
  return changed;
}

/**
 * The same with insertions: every token that lies in no run of three equal ones. What only one answer says is flagged
 * there, and nothing in the other.
 */
export function differingTokens(pair: ChangedPair): ChangedTokens {
  const { promptIds, chosenIds, rejectedIds } = pair;
  const [a, b] = [rejectedIds, chosenIds].map((ids) => [...promptIds, ...ids]);
  const [rejected, chosen] = substitutions(a, b, true).map((flags) => flags.slice(promptIds.length));
  return { chosen, rejected };
}

/** A run of equal tokens: a[i .. i + size - 1] and b[j .. j + size - 1]. */
interface Match {
  readonly i: number;
  readonly j: number;
  readonly size: number;
}

/** Per token of both sequences: whether it lies between matches, in a place where both have something or in any. */
function substitutions(a: readonly number[], b: readonly number[], insertions = false): [boolean[], boolean[]] {
  const flags: [boolean[], boolean[]] = [a.map(() => false), b.map(() => false)];
  const end: Match = { i: a.length, j: b.length, size: 0 };
  const matches = matchingBlocks(a, b, { i: 0, j: 0 }, end).filter(({ size }) => size >= SHORTEST_MATCH);
  let [i, j] = [0, 0];
  for (const match of [...matches, end]) {
    if (insertions || (match.i > i && match.j > j)) {
      flags[0].fill(true, i, match.i);
      flags[1].fill(true, j, match.j);
    }
    [i, j] = [match.i + match.size, match.j + match.size];
  }
  return flags;
}

/** Ratcliff and Obershelp, as Python's difflib: the longest match, then the same to its left and to its right. */
function matchingBlocks(
  a: readonly number[],
  b: readonly number[],
  from: Pick<Match, 'i' | 'j'>,
  to: Pick<Match, 'i' | 'j'>,
): Match[] {
  const longest = longestMatch(a, b, from, to);
  if (longest.size === 0) return [];
  const after = { i: longest.i + longest.size, j: longest.j + longest.size };
  return [...matchingBlocks(a, b, from, longest), longest, ...matchingBlocks(a, b, after, to)];
}

/** The longest run within a[from.i .. to.i - 1] and b[from.j .. to.j - 1]; of equals, the earliest in a, then in b. */
function longestMatch(
  a: readonly number[],
  b: readonly number[],
  from: Pick<Match, 'i' | 'j'>,
  to: Pick<Match, 'i' | 'j'>,
): Match {
  let longest: Match = { i: from.i, j: from.j, size: 0 };
  // ending[j]: length of the run that ends at a[i - 1] and b[j - 1].
  let ending = new Uint32Array(to.j + 1);
  for (let i = from.i; i < to.i; i++) {
    const next = new Uint32Array(to.j + 1);
    for (let j = from.j; j < to.j; j++) {
      if (a[i] !== b[j]) continue;
      const size = (j > from.j ? ending[j] : 0) + 1;
      next[j + 1] = size;
      if (size > longest.size) longest = { i: i - size + 1, j: j - size + 1, size };
    }
    ending = next;
  }
  return longest;
}
