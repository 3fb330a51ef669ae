/**
 * The one state of the page: plain, serialisable, replaced and never mutated. Components select what they read;
 * only the intents change it. Where each part is kept is the table in `persistence.ts`, typed over every key.
 */

import type { EngineState, FinishReason, LogpsResult, PairRow, TokenScore } from '../engine/engine.ts';
import type { Scene } from '../toybox/index.ts';

/** An image of the workspace. Its bytes live in the image store (`state/persistence`) under the same id. */
export interface ImageRecord {
  /** SHA-256 of the stored bytes, hex. */
  readonly id: string;
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
  /** Present for Toybox pictures: their truth is known. */
  readonly scene?: Scene;
}

/** One answer on the table for the selected image and prompt. */
export interface CandidateRecord {
  readonly id: string;
  readonly imageId: string;
  readonly prompt: string;
  readonly text: string;
  readonly tokens: readonly TokenScore[];
  readonly logpSum: number;
  readonly source: 'sampled' | 'edited' | 'written';
  readonly status: 'streaming' | 'scoring' | 'ready' | 'error';
  readonly finish?: FinishReason;
  /** CLIP cosine similarity; undefined until scored. */
  readonly clip?: number;
  readonly mark?: 'chosen' | 'rejected';
  readonly error?: string;
}

/** A preference pair. `scores` is filled by the engine and cleared when a text changes. */
export interface PairRecord {
  readonly id: string;
  readonly imageId: string;
  readonly prompt: string;
  readonly chosen: string;
  readonly rejected: string;
  /** `tie` pairs are kept and exported but take no part in the loss. */
  readonly verdict: 'preferred' | 'tie';
  readonly scores?: { readonly row: PairRow; readonly chosen: LogpsResult; readonly rejected: LogpsResult };
  readonly clip?: { readonly chosen: number; readonly rejected: number };
  /** Models that `scores` and `clip` come from: a pair scored by another model is scored anew. */
  readonly scoredBy?: { readonly vlm?: string; readonly clip?: string };
  readonly error?: string;
}

/** Everything a link carries. */
export interface Settings {
  readonly vlm: string;
  readonly clip: string;
  readonly prompt: string;
  readonly n: number;
  readonly temperature: number;
  readonly topP: number;
  readonly maxTokens: number;
  readonly seed: number;
  readonly objective: string;
  /** Per objective: only values that differ from the objective's defaults. */
  readonly hyperparameters: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export type Notice = {
  readonly id: string;
  readonly tone: 'info' | 'error' | 'success';
  /** What happened, what was kept, what to do. */
  readonly message: string;
};

/** Work under way that a person may cancel. */
export interface Activity {
  readonly kind: 'sample' | 'score' | 'images';
  readonly label: string;
  readonly done: number;
  readonly total: number;
}

export interface AppState {
  readonly settings: Settings;
  readonly images: readonly ImageRecord[];
  readonly selectedImage: string | null;
  readonly candidates: readonly CandidateRecord[];
  readonly pairs: readonly PairRecord[];
  readonly selectedPair: string | null;
  readonly engine: EngineState;
  readonly activity: Activity | null;
  readonly notices: readonly Notice[];
  /** What undo and redo would do next, as words for a tooltip; null when there is nothing. */
  readonly history: { readonly undo: string | null; readonly redo: string | null };
  /** Which tab is open below 1100 px, and which overlay is shown. */
  readonly view: {
    readonly tab: 'images' | 'responses' | 'objective';
    readonly overlay: 'none' | 'kernels' | 'composer' | 'about' | 'camera';
    readonly theme: 'system' | 'light' | 'dark';
  };
}
