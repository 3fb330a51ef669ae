/** How the last starts went: kept where a crash cannot take it away, so that a bad choice of models is not tried for ever. */

import { isObject } from '../../check.ts';
import type { ModelIds } from '../../engine/engine.ts';
import type { Note } from './backend.ts';

/** Starts in a row that fail before something else is tried. */
export const MOST_FAILURES = 2;

export interface Starts {
  /** A load begins. Until one of the others is called, it counts as failed: the page may crash. */
  began(models: ModelIds): void;
  worked(): void;
  failed(why: string): void;
  /** It ended for reasons that say nothing about the models: a person cancelled, or left the page. */
  left(): void;
  /** Failed starts in a row with these models, and what the last one said. */
  failures(models: ModelIds): { readonly count: number; readonly why: string };
}

interface Entry {
  readonly models: string;
  readonly count: number;
  readonly why: string;
}

const CRASHED = 'The page was closed by the browser while they were loading.';

const keyOf = ({ vlm, clip }: ModelIds): string => `${vlm} ${clip}`;

export function createStarts(note: Note): Starts {
  const read = (): Entry | null => {
    try {
      const value: unknown = JSON.parse(note.get() ?? 'null');
      if (!isObject(value) || typeof value.models !== 'string' || !Number.isInteger(value.count)) return null;
      return { models: value.models, count: value.count as number, why: String(value.why) };
    } catch {
      return null;
    }
  };
  const write = (entry: Entry | null): void => {
    note.set(entry && entry.count > 0 ? JSON.stringify(entry) : null);
  };
  /** As it was before the load under way. */
  let before: Entry | null = null;
  let under: string | null = null;

  return {
    began(models) {
      const known = read();
      under = keyOf(models);
      before = known?.models === under ? known : null;
      write({ models: under, count: (before?.count ?? 0) + 1, why: CRASHED });
    },
    worked() {
      under = null;
      write(null);
    },
    failed(why) {
      const known = read();
      if (under !== null && known) write({ ...known, why });
      under = null;
    },
    left() {
      if (under !== null) write(before);
      under = null;
    },
    failures(models) {
      const known = read();
      return known?.models === keyOf(models) ? known : { count: 0, why: '' };
    },
  };
}
