/** How the explorer was left: it opens again as it was. Kept while the page is open, no part of the state. */
import type { GradientId } from './curve-picture.ts';
import type { MarginId, SliceId } from './slices.ts';

export type Tab = 'curves' | 'answer' | 'map' | 'sensitivity';

export interface Memory {
  tab: Tab;
  /** Objectives drawn beside the present one, in the order in which they came. */
  compared: string[];
  slice: SliceId;
  /** Null: the one on which the present objective is at home. */
  margin: MarginId | null;
  gradient: GradientId;
  /** Half the width of the margin axis; 0 chooses by itself. */
  range: number;
  /** Whether the axes of loss and gradient fit the present objective, and cut the others off, or fit all. */
  fit: 'present' | 'all';
}

const memories = new WeakMap<object, Memory>();

/** The memory of one application object, made on first use. */
export function memoryOf(app: object): Memory {
  const known = memories.get(app) ?? {
    tab: 'curves',
    compared: ['simpo', 'ipo_sum', 'hinge'],
    slice: 'apart',
    margin: null,
    gradient: 'slope',
    range: 0,
    fit: 'present',
  };
  memories.set(app, known);
  return known;
}
