/**
 * Object hallucination in descriptions: CHAIR (Rohrbach et al. 2018) and its
 * relatives. Input is already reduced to nouns, so any vocabulary works.
 */

/** One description: the nouns it mentions (repeats kept) and the nouns that are there. */
export interface Description {
  readonly mentions: readonly string[];
  readonly truth: readonly string[];
  /** Nouns that may be there: to mention one is neither right nor wrong, so it counts as no mention. */
  readonly doubtful?: readonly string[];
}

export interface ChairResult {
  readonly captions: number;
  readonly mentions: number;
  readonly hallucinated: number;
  /** Hallucinated mentions / all mentions; repeats count. */
  readonly chairI: number;
  /** Captions with at least one hallucinated mention / captions. */
  readonly chairS: number;
  /** Objects that are there and mentioned / objects that are there, each once per caption. */
  readonly cover: number;
  /** Distinct mentioned objects that are there / distinct mentioned objects. */
  readonly precision: number;
  /** Harmonic mean of `precision` and `cover`. */
  readonly f1: number;
}

/** A share of nothing is 0: an empty answer hallucinates nothing and covers nothing. */
const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

/** The mentions that can be judged, in order. */
function judged({ mentions, doubtful = [] }: Description): readonly string[] {
  return mentions.filter((noun) => !doubtful.includes(noun));
}

/** The mentions of a description that are not in its truth, in order. */
export function hallucinatedMentions(description: Description): string[] {
  return judged(description).filter((noun) => !description.truth.includes(noun));
}

/** CHAIR, cover and object precision / F1 over a set of descriptions. */
export function chair(descriptions: readonly Description[]): ChairResult {
  let mentions = 0;
  let hallucinated = 0;
  let captionsWithHallucination = 0;
  let truthObjects = 0;
  let distinctMentioned = 0;
  let covered = 0;
  for (const description of descriptions) {
    const wrong = hallucinatedMentions(description).length;
    const said = judged(description);
    mentions += said.length;
    hallucinated += wrong;
    if (wrong > 0) captionsWithHallucination++;
    const truth = new Set(description.truth);
    const mentioned = new Set(said);
    truthObjects += truth.size;
    distinctMentioned += mentioned.size;
    covered += [...mentioned].filter((noun) => truth.has(noun)).length;
  }
  const precision = share(covered, distinctMentioned);
  const cover = share(covered, truthObjects);
  return {
    captions: descriptions.length,
    mentions,
    hallucinated,
    chairI: share(hallucinated, mentions),
    chairS: share(captionsWithHallucination, descriptions.length),
    cover,
    precision,
    f1: share(2 * precision * cover, precision + cover),
  };
}

/**
 * Share of hallucinated mentions that a habit explains: the noun is the
 * companion of something that is there (AMBER's Cog counts the same mentions,
 * over all mentions).
 */
export function habitualShare(descriptions: readonly Description[], companionOf: (noun: string) => string): number {
  const wrong = descriptions.flatMap((description) =>
    hallucinatedMentions(description).map((noun) => description.truth.some((host) => companionOf(host) === noun)),
  );
  return share(wrong.filter(Boolean).length, wrong.length);
}
