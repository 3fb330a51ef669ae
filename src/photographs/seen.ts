/** What a detector sees in a photograph: the nearest thing to a truth that a picture without a drawn scene has. */

/** A box in shares of the picture's width and height, from its top left corner. */
export interface Box {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  /** The detector's own score, 0 to 1. */
  readonly score: number;
}

/** A class that may be in the picture. */
export interface Sighting {
  readonly noun: string;
  /** Calibrated chance that it is there, at even odds: 0 to 1. */
  readonly chance: number;
  /** Where it stands, the surest first. Without a box it is too doubtful to be shown, and too likely to be called absent. */
  readonly boxes: readonly Box[];
}

/**
 * How often a detector errs as a judge of words, measured on held-out pictures: shares of the nouns that three or more
 * people wrote about a picture, and of those written about another one, that it calls "not seen". 0 to 1; the first
 * should be 0, the second 1. As in its `config.json`.
 */
export interface Judged {
  readonly pictures: number;
  readonly flags_agreed: number;
  readonly flags_swapped: number;
}

/** Everything a detector would not call "not seen", the likeliest first. Other classes of its list are not seen. */
export interface Seen {
  /** Catalog id of the detector. */
  readonly by: string;
  readonly things: readonly Sighting[];
  /** Its error rates; absent where nobody measured them. */
  readonly judged?: Judged;
}

/** Classes that stand in the picture for sure enough to be shown and counted. */
export function objectsSeen({ things }: Seen): string[] {
  return things.filter(({ boxes }) => boxes.length > 0).map(({ noun }) => noun);
}

/** Classes that may be there: no answer is blamed for them, and none is asked for them. */
export function doubtful({ things }: Seen): string[] {
  return things.filter(({ boxes }) => boxes.length === 0).map(({ noun }) => noun);
}
