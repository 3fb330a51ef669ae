/** What `window.margin` offers. */
import type {
  AdapterFacts,
  EngineFacts,
  Evaluation,
  FinishReason,
  LogpsResult,
  PairRow,
  RewardChoice,
  StepMetrics,
  TokenScore,
} from './engine/engine.ts';
import type { EveryLoss } from './kernels/losses/families/every.ts';
import type { Hyperparameter } from './kernels/losses/objective.ts';
import type { Seen } from './photographs/index.ts';
import type { Intents } from './state/intents/index.ts';
import type { SampleOptions } from './state/intents/sampling.ts';
import type { AppState, PairRecord, Settings } from './state/state.ts';
import type { TrainingSettings } from './state/training/settings.ts';

/** An image: its id, or anything that has one, as `margin.images.add` returns. */
export type ImageRef = string | { readonly id: string };

export interface ConsoleCandidate {
  readonly id: string;
  readonly text: string;
  readonly tokens: readonly TokenScore[];
  /** Log-probability of each token, in nats, of the untempered distribution. */
  readonly logps: readonly number[];
  readonly finish: FinishReason | undefined;
}

/** A pair with what is known about it; `row` is missing until it is scored. */
export interface ConsolePair {
  readonly id: string;
  readonly image: string;
  readonly prompt: string;
  readonly chosen: string;
  readonly rejected: string;
  readonly verdict: PairRecord['verdict'];
  readonly row?: PairRow;
  readonly clip?: PairRecord['clip'];
  readonly error?: string;
}

/** Settings of one run under TRL's and PEFT's names; what is not given comes from the page. */
export interface TrainConfig extends Partial<Omit<TrainingSettings, 'reward'>> {
  readonly objective?: string;
  readonly hyperparameters?: Readonly<Record<string, number>>;
  /** For objectives that sample their own answers: `clip`, `truth`, or weights such as `{ clip: 10, truth: 1 }`. */
  readonly reward?: RewardChoice;
  /** The same settings as those beside it, in an object of their own. */
  readonly config?: Partial<Omit<TrainingSettings, 'reward'>>;
}

export type SampleSettings = NonNullable<SampleOptions['settings']>;

/** What `margin.pairs.byClip` and `margin.pairs.byTruth` take. */
export interface PairByRequest extends SampleSettings {
  readonly images?: readonly ImageRef[];
  readonly keep?: number;
  readonly signal?: AbortSignal;
}

/**
 * Every call checks what it is given, key by key, by the ranges of the page's own fields (`console-schema.ts`), and throws
 * an `InputError` that names each unknown, missing or mistyped one. Those that return an iterable throw when it is read.
 */
export interface MarginConsole {
  /** Settles with the device's facts when the models are loaded; rejects when the engine cannot run here. */
  readonly ready: Promise<EngineFacts>;
  readonly images: {
    /** Adds pictures. Files that cannot be decoded are left out and reported on the page. */
    add(files: Iterable<Blob>): Promise<{ id: string; width: number; height: number }[]>;
    list(): { id: string; name: string; width: number; height: number }[];
  };
  /**
   * Samples answers about an image (default: the selected one); what is not given comes from the page's settings.
   * Yields each answer as it is finished, while its tokens stream on the page. Leaving the loop early cancels.
   */
  sample(request?: SampleSettings & { image?: ImageRef; signal?: AbortSignal }): AsyncIterable<ConsoleCandidate>;
  /** Cosine similarities of an image with each text. */
  clipScore(request: { image: ImageRef; texts: readonly string[]; signal?: AbortSignal }): Promise<number[]>;
  /** What the detector sees in a photograph: classes with chances and boxes, and its own error rates (`judged`). */
  look(request: { image: ImageRef; signal?: AbortSignal }): Promise<Seen>;
  /** Log-probability of each token of a response, end-of-utterance included, with their sum and number. */
  logps(request: {
    image: ImageRef;
    prompt: string;
    response: string;
    model?: 'policy' | 'reference';
    signal?: AbortSignal;
  }): Promise<LogpsResult & { readonly logps: readonly number[] }>;
  readonly pairs: {
    /** Adds a pair and settles when it is scored. Texts that make no pair (empty, or the same twice) are refused. */
    add(pair: { image: ImageRef; prompt: string; chosen: string; rejected: string }): Promise<ConsolePair>;
    list(): ConsolePair[];
    /**
     * Samples `n` (12) answers about each image (default: all on the page), lets CLIP make pairs of them, adds the `keep`
     * (64) that teach most together, at most one of an image, and yields them. An image whose answers CLIP cannot tell
     * apart gives none. What else is not given comes from the page's settings. Leaving the loop early cancels.
     */
    byClip(request?: PairByRequest): AsyncIterable<ConsolePair>;
    /**
     * The same by what is known of each picture's objects: a scene's truth, or what the detector sees in a photograph.
     * The score is the reward `truth`. Photographs nobody has looked at are looked at.
     */
    byTruth(request?: PairByRequest): AsyncIterable<ConsolePair>;
  };
  /**
   * Loss, rewards, margin and gradients per pair, and batch means under TRL's names, computed by the WGSL kernel (by
   * the float64 reference where there is no WebGPU, and for losses that are not pairwise, which look at a pair as two
   * examples, a group of two, or two scores; `backend` tells). Without `pairs`: the page's own scored pairs.
   */
  evaluate(request?: {
    objective?: string;
    hyperparameters?: Readonly<Record<string, number>>;
    pairs?: readonly PairRow[];
  }): Promise<Evaluation>;
  /**
   * Trains on the page's pairs, as the Train button does: continues the paused run where nothing differs, else starts a
   * new one. While an imported adapter is active, and until `intents.resetTraining()`, new runs start at its values, with
   * the file's `r`, `lora_alpha` and `target_modules` whatever is given here. Yields the metrics of each step. An aborted
   * signal, or leaving the loop early, pauses.
   */
  train(config?: TrainConfig, options?: { signal?: AbortSignal }): AsyncIterable<StepMetrics>;
  readonly adapter: {
    /** The adapter as a ZIP of a PEFT folder. */
    export(): Promise<Uint8Array<ArrayBuffer>>;
    /** Loads an adapter (such a ZIP); `train` starts from it. */
    import(bytes: Uint8Array): Promise<AdapterFacts>;
  };
  /** Every loss of every family; `train` takes any of them as `objective`. */
  readonly objectives: readonly {
    id: string;
    label: string;
    family: EveryLoss['kind'];
    hyperparameters: readonly Hyperparameter[];
  }[];
  /** Every intent of the page: what its buttons and keys call. */
  readonly intents: Intents;
  /** The present state: frozen, plain data. */
  readonly state: AppState;
  readonly settings: Settings;
}
