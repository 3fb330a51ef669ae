/**
 * The one state of the page: plain, serialisable, replaced and never mutated. Components select what they read;
 * only the intents change it. Where each part is kept is the table in `persistence/places.ts`, typed over every key.
 */

import type {
  EngineState,
  FinishReason,
  LogpsResult,
  LoraSettings,
  PairRow,
  RewardChoice,
  TokenScore,
  World,
} from '../engine/engine.ts';
import type { Seen } from '../photographs/index.ts';
import type { PopeSetting } from '../preference/metrics/index.ts';
import type { Scene } from '../toybox/index.ts';
import type { TrainingSettings } from './training/settings.ts';

/** An image of the workspace. Its bytes live in the image store (`state/persistence`) under the same id. */
export interface ImageRecord {
  /** SHA-256 of the stored bytes, hex. */
  readonly id: string;
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
  /** Licence and origin of a picture that the page brought along. */
  readonly credit?: string;
  /** Present for Toybox pictures: their truth is known. */
  readonly scene?: Scene;
  /** What the detector saw in a photograph; absent until it has looked. */
  readonly seen?: Seen;
}

/** One answer on the table for the selected image and prompt. */
export interface CandidateRecord {
  readonly id: string;
  readonly imageId: string;
  readonly prompt: string;
  readonly text: string;
  readonly tokens: readonly TokenScore[];
  readonly logpSum: number;
  /** The reference's numbers of the same text; absent while there is no adapter, because they are the policy's. */
  readonly reference?: LogpsResult;
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
  /** Scores a person gave, in points; they go before CLIP's where an objective asks for scores. */
  readonly given?: { readonly chosen: number; readonly rejected: number };
  /** Models that `scores` and `clip` come from: a pair scored by another model is scored anew. */
  readonly scoredBy?: { readonly vlm?: string; readonly clip?: string; readonly adapter?: string };
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
  readonly training: TrainingSettings;
}

/** One examination of the policy on held-out pictures. */
export interface HeldOutPoint {
  /** Optimiser steps done; 0 is the reference. */
  readonly step: number;
  /** Pictures described: scenes, or photographs where `world` says so. */
  readonly scenes: number;
  /** Absent: Toybox scenes. */
  readonly world?: World;
  readonly chairI: number;
  readonly cover: number;
  readonly f1: number;
  /** Accuracies on POPE's yes / no questions about the first `scenes` pictures; absent where none were asked. */
  readonly pope?: { readonly scenes: number } & Readonly<Record<PopeSetting, number>>;
  /** `rewards/margins` of the steps before it, 0 for the reference; `reward` where answers are sampled. */
  readonly margin: number;
  /** One description of the examination, to look at. */
  readonly example: string;
}

/** How far the policy had moved from its reference at a step: KL(policy ‖ reference), exact over the vocabulary. */
export interface DivergencePoint {
  readonly step: number;
  /** Answers the policy sampled to the training prompts, and their tokens. */
  readonly answers: number;
  readonly tokens: number;
  /** Means, nats. */
  readonly perToken: number;
  readonly perAnswer: number;
}

/** An adapter that came from a file. */
export interface ImportedAdapter {
  /** Of its bytes, which lie in the browser's storage under it: the same file has the same key. */
  readonly key: string;
  /** Of the file; absent where bytes came without one. */
  readonly name?: string;
  /** What it decides of a run that starts from it; absent where an older version imported it. */
  readonly lora?: Pick<LoraSettings, 'r' | 'lora_alpha' | 'target_modules'>;
}

/** One training run. Its metrics and checkpoints live outside the state under the same id. */
export interface RunRecord {
  readonly id: string;
  readonly ordinal: number;
  readonly vlm: string;
  readonly objective: string;
  readonly hyperparameters: Readonly<Record<string, number>>;
  readonly settings: TrainingSettings;
  /** The imported adapter that it starts from; absent where a fresh one starts. */
  readonly from?: ImportedAdapter;
  /** What sampled answers earn; absent for objectives that learn from the pairs' own answers. */
  readonly reward?: RewardChoice;
  /** Pairs, or prompts to answer. */
  readonly pairs: number;
  /** Tells whether they are still those of the run. */
  readonly pairsKey: string;
  /** The same of their pictures and texts alone, whatever scores the objective looks at; absent in runs of older versions. */
  readonly textsKey?: string;
  /** Optimiser steps in all; 0 until the trainer has told its plan. */
  readonly steps: number;
  readonly stepsPerEpoch: number;
  /** Trainable numbers, and GPU bytes a step needs beside the model. */
  readonly parameters: number;
  readonly trainingBytes: number;
  /** Steps done at the newest checkpoint. */
  readonly step: number;
  readonly status: 'running' | 'paused' | 'finished' | 'stopped' | 'failed';
  /** Why it stopped, where that is not plain. */
  readonly message?: string;
  /** Steps one can go back to. */
  readonly checkpoints: readonly number[];
  readonly heldOut: readonly HeldOutPoint[];
  /** On the policy's own samples; absent before the first measurement. */
  readonly divergence?: readonly DivergencePoint[];
}

/** One side of the comparison before / after. */
export interface ComparedAnswer {
  readonly text: string;
  /** Scores of the answer's tokens under both models; empty until the answer is finished. */
  readonly policy: readonly TokenScore[];
  readonly reference: readonly TokenScore[];
}

export interface Comparison {
  readonly imageId: string;
  readonly prompt: string;
  readonly status: 'running' | 'done' | 'failed';
  readonly before: ComparedAnswer;
  readonly after: ComparedAnswer;
  readonly error?: string;
}

export interface TrainingState {
  readonly phase: 'idle' | 'reference' | 'training' | 'pausing' | 'evaluating' | 'comparing';
  readonly runs: readonly RunRecord[];
  /** The run that Train continues; null: the next one starts afresh. */
  readonly run: string | null;
  readonly comparison: Comparison | null;
}

/**
 * The adapter at work, of a run's step or imported. The policy is the model with it. The key tells adapters apart: scores
 * of another one are out of date.
 */
export type AdapterRecord =
  | { readonly key: string; readonly run: string; readonly step: number }
  | (ImportedAdapter & { readonly run?: undefined; readonly step: number });

/** What a notice can offer to do with one press; what each does is the list in `margin-notices.ts`. */
export type NoticeAction = 'save here' | 'back to toybox' | 'photo models' | 'toybox models';

export type Notice = {
  readonly id: string;
  readonly tone: 'info' | 'error' | 'success';
  /** What happened, what was kept, what to do. */
  readonly message: string;
  /** What can be done about it with one press. */
  readonly action?: NoticeAction;
};

/** Work under way that a person may cancel. */
export interface Activity {
  readonly kind: 'sample' | 'score' | 'look' | 'images';
  readonly label: string;
  readonly done: number;
  readonly total: number;
}

export interface AppState {
  readonly settings: Settings;
  readonly images: readonly ImageRecord[];
  readonly selectedImage: string | null;
  /** Why the detector could not look at a picture, by the picture's id. */
  readonly lookErrors: Readonly<Record<string, string>>;
  readonly candidates: readonly CandidateRecord[];
  readonly pairs: readonly PairRecord[];
  readonly selectedPair: string | null;
  readonly training: TrainingState;
  /** Null: the policy is the reference. */
  readonly adapter: AdapterRecord | null;
  readonly engine: EngineState;
  readonly activity: Activity | null;
  readonly notices: readonly Notice[];
  /** What undo and redo would do next, as words for a tooltip; null when there is nothing. */
  readonly history: { readonly undo: string | null; readonly redo: string | null };
  /** Which tab is open below 1100 px, and which overlay is shown. */
  readonly view: {
    readonly tab: 'images' | 'responses' | 'objective' | 'training';
    /** What the bottom row shows where there are columns. */
    readonly bottom: 'pairs' | 'training';
    readonly overlay:
      | 'none'
      | 'kernels'
      | 'composer'
      | 'about'
      | 'camera'
      | 'gallery'
      | 'explorer'
      | 'shortcuts'
      | 'engine'
      | 'reset';
    /** The loss whose page the gallery shows; null for the overview. */
    readonly loss: string | null;
    readonly theme: 'system' | 'light' | 'dark';
    /** Photo models have been loaded: from then on photographs no longer switch to them by themselves. */
    readonly metPhotographs: boolean;
  };
}
