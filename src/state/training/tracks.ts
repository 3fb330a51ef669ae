/** Where the pairs of a run have been: the numbers of each at the steps that saw it, of bounded size. */
import type { StepPair } from '../../engine/engine.ts';

/** A pair at one step, before that step's update. */
export interface TrackPoint extends Omit<StepPair, 'index'> {
  readonly step: number;
}

/** Tracks as plain data for the browser's storage. */
export interface TracksSnapshot {
  /** Ids of the pairs, by their index in the run. */
  readonly ids: readonly string[];
  readonly tracks: readonly (readonly TrackPoint[])[];
}

/** Points of one run, all pairs together: about a megabyte. */
const MOST_POINTS = 8192;
/** A track with fewer is no track. */
const LEAST_PER_PAIR = 8;

export class PairTracks {
  #ids: readonly string[];
  #tracks: TrackPoint[][];

  constructor({ ids, tracks }: TracksSnapshot = { ids: [], tracks: [] }) {
    this.#ids = [...ids];
    this.#tracks = ids.map((_, index) => [...(tracks[index] ?? [])]);
  }

  /** Ids of the pairs, by their index in the run. */
  get ids(): readonly string[] {
    return this.#ids;
  }

  /** The pairs of the run, in the order in which they are trained on. Other pairs than before start afresh. */
  begin(ids: readonly string[]): void {
    if (ids.length === this.#ids.length && ids.every((id, index) => id === this.#ids[index])) return;
    this.#ids = [...ids];
    this.#tracks = ids.map(() => []);
  }

  /** A pair's points in the order of the steps, thinned evenly where there were many; the newest is always there. */
  of(id: string): readonly TrackPoint[] {
    return this.#tracks[this.#ids.indexOf(id)] ?? [];
  }

  append(step: number, pairs: readonly StepPair[]): void {
    const room = Math.max(LEAST_PER_PAIR, Math.floor(MOST_POINTS / Math.max(1, this.#ids.length)));
    for (const { index, ...numbers } of pairs) {
      const track = this.#tracks[index];
      if (!track) continue;
      if (track.length >= room) this.#tracks[index] = track.filter((_, at) => at % 2 === 0);
      this.#tracks[index].push({ step, ...numbers });
    }
  }

  /** Forgets what came after `step`. */
  truncate(step: number): void {
    this.#tracks = this.#tracks.map((track) => track.filter((point) => point.step <= step));
  }

  snapshot(): TracksSnapshot {
    return { ids: this.#ids, tracks: this.#tracks.map((track) => [...track]) };
  }
}
