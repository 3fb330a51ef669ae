/** What survives a closed tab, and where: typed over every key, so that a new key without an entry does not compile. */
import type { AppState, Settings } from '../state.ts';

/**
 * `url`: in the link, and in IndexedDB for a visit without one. `indexeddb`: in this browser only. `opfs`: bytes in
 * the private file system. `none`: gone with the page.
 */
export type Place = 'url' | 'indexeddb' | 'opfs' | 'none';

export const STATE_PLACES: { readonly [K in keyof AppState]: Place } = {
  settings: 'url',
  images: 'indexeddb',
  selectedImage: 'indexeddb',
  lookErrors: 'none',
  candidates: 'indexeddb',
  pairs: 'indexeddb',
  selectedPair: 'indexeddb',
  training: 'indexeddb',
  adapter: 'indexeddb',
  engine: 'none',
  activity: 'none',
  notices: 'none',
  history: 'none',
  view: 'indexeddb',
};

export const SETTINGS_PLACES: { readonly [K in keyof Settings]: Extract<Place, 'url'> } = {
  vlm: 'url',
  clip: 'url',
  prompt: 'url',
  n: 'url',
  temperature: 'url',
  topP: 'url',
  maxTokens: 'url',
  seed: 'url',
  objective: 'url',
  hyperparameters: 'url',
  training: 'url',
};

export const TRAINING_PLACES: { readonly [K in keyof AppState['training']]: Place } = {
  phase: 'none',
  runs: 'indexeddb',
  run: 'indexeddb',
  comparison: 'none',
};

export const VIEW_PLACES: { readonly [K in keyof AppState['view']]: Place } = {
  tab: 'indexeddb',
  bottom: 'indexeddb',
  // Of the overlays, the gallery alone: a link may point to the page of a loss.
  overlay: 'url',
  loss: 'url',
  theme: 'indexeddb',
  metPhotographs: 'indexeddb',
};

/** Where the bytes behind `images` are kept. */
export const IMAGE_BYTES_PLACE: Place = 'opfs';
/** Where checkpoints and metrics of the runs are kept. */
export const RUN_FILES_PLACE: Place = 'opfs';
