/**
 * What the page may ask of the engine, and what comes back. The worker client, the fake engine of the component
 * tests and the console API all speak through this one interface. Everything here is plain, cloneable data:
 * no GPU object ever crosses it.
 */
import type { Seen } from '../photographs/index.ts';
import type { EngineFacts, KernelReport, LoadProgress, MemoryReport } from './facts.ts';
import type { AdapterControl, TrainEvent, TrainPlan, TrainRequest } from './training-types.ts';

export type * from './facts.ts';
export type * from './training-types.ts';

/** An image as the engine needs it. `id` identifies the pixels (content hash), so visual tokens can be cached. */
export interface ImageInput {
  readonly id: string;
  readonly blob: Blob;
}

/** One generated or scored token. Log-probabilities are natural logs of the untempered distribution. */
export interface TokenScore {
  readonly id: number;
  /**
   * What this token adds to the text. One character may be spread over several tokens: the last of them carries it, those
   * before it carry ''. A special token carries its own name, which is no part of the text.
   */
  readonly text: string;
  /** Whether it is a special token, such as end-of-utterance. */
  readonly special?: true;
  /** Its bytes in hex ("E4 B8"), where it holds only part of a character. */
  readonly bytes?: string;
  readonly logp: number;
  /** Entropy of the next-token distribution, in nats. */
  readonly entropy: number;
  /** Probability of the most likely token at this position. */
  readonly top1: number;
}

/** A question about a picture. */
export interface ImagePrompt {
  readonly image: ImageInput;
  readonly prompt: string;
}

/** How answers are drawn. */
export interface SamplingSettings {
  /** 0 = greedy. */
  readonly temperature: number;
  readonly topP: number;
  readonly maxTokens: number;
  readonly seed: number;
  /** Default: `policy`, the model with its adapter where it has one. */
  readonly model?: 'policy' | 'reference';
}

export interface SampleRequest extends ImagePrompt, SamplingSettings {
  /** Number of answers, 1 to 16. */
  readonly n: number;
}

/** One answer to each prompt: the one that `sample` would give it alone. */
export interface SampleBatchRequest extends SamplingSettings {
  /** As many as one likes: those that fit are answered side by side, the others after them. */
  readonly prompts: readonly ImagePrompt[];
}

/** A whole answer of a batch. Answers come as they end, not in the order of the prompts. */
export interface SampleBatchEvent {
  /** To which prompt, by its place in the request. */
  readonly prompt: number;
  /** Its `index` is 0: each prompt has one answer. */
  readonly candidate: Candidate;
}

export type FinishReason = 'stop' | 'length' | 'cancelled';

export type SampleEvent =
  | { readonly type: 'token'; readonly index: number; readonly token: TokenScore }
  | { readonly type: 'done'; readonly index: number; readonly candidate: Candidate };

/** One whole answer. `tokens` includes the end-of-utterance token when `finish` is `stop`. */
export interface Candidate {
  readonly index: number;
  readonly text: string;
  readonly tokens: readonly TokenScore[];
  readonly logpSum: number;
  readonly finish: FinishReason;
}

export interface LogpsRequest {
  readonly image: ImageInput;
  readonly prompt: string;
  /** The answer; end-of-utterance is appended and scored, as TRL does. */
  readonly response: string;
  readonly model: 'policy' | 'reference';
}

export interface LogpsResult {
  readonly tokens: readonly TokenScore[];
  /** Sum of `logps` over the response tokens. */
  readonly sum: number;
  /** Number of response tokens, end-of-utterance included. */
  readonly length: number;
}

/** Answers of the policy, sampled at temperature 1 from the whole vocabulary. */
export interface DivergenceRequest {
  readonly image: ImageInput;
  readonly prompt: string;
  /** Number of answers. */
  readonly n: number;
  readonly maxTokens: number;
  readonly seed: number;
}

export interface Divergence {
  readonly answers: readonly {
    /** End-of-utterance included where it was drawn. */
    readonly tokens: number;
    /** KL(policy ‖ reference) of the next-token distributions, exact over the vocabulary, summed over the tokens; nats. */
    readonly kl: number;
  }[];
}

/** A photograph for the detector. */
export interface LookRequest {
  readonly image: ImageInput;
}

export interface ClipRequest {
  readonly image: ImageInput;
  readonly texts: readonly string[];
}

/**
 * One preference pair as numbers, in TRL's words: sums of token log-probabilities and token counts.
 * `chosenLogRatio` / `rejectedLogRatio` are the per-token-difference reductions (policy minus reference); where
 * absent they are `chosen - refChosen` and so on. Objectives may need further fields (see `objective.needs`).
 */
export interface PairRow {
  readonly chosen: number;
  readonly rejected: number;
  readonly refChosen?: number;
  readonly refRejected?: number;
  readonly chosenLength?: number;
  readonly rejectedLength?: number;
  readonly chosenLogRatio?: number;
  readonly rejectedLogRatio?: number;
  readonly [extra: string]: number | undefined;
}

export interface EvaluateRequest {
  readonly objective: string;
  readonly hyperparameters: Readonly<Record<string, number>>;
  readonly rows: readonly PairRow[];
}

export interface PairEvaluation {
  readonly loss: number;
  readonly rewards: { readonly chosen: number; readonly rejected: number };
  readonly margin: number;
  /** Derivatives of the batch loss's per-pair term with respect to the summed log-probabilities. */
  readonly gradients: { readonly chosen: number; readonly rejected: number };
}

/** Batch means under TRL's names. */
export interface BatchMetrics {
  readonly loss: number;
  readonly 'rewards/chosen': number;
  readonly 'rewards/rejected': number;
  readonly 'rewards/margins': number;
  readonly 'rewards/accuracies': number;
  readonly 'logps/chosen': number;
  readonly 'logps/rejected': number;
}

export interface Evaluation {
  readonly pairs: readonly PairEvaluation[];
  readonly batch: BatchMetrics;
  /** Which code produced the numbers: the WGSL kernel, or the float64 reference where there is no WebGPU. */
  readonly backend: 'wgsl' | 'f64';
}

/** A pair of answers whose rows the engine computes: policy and reference, both sides, from the same image and prompt. */
export interface PairLogpsRequest {
  readonly image: ImageInput;
  readonly prompt: string;
  readonly chosen: string;
  readonly rejected: string;
}

export interface PairLogps {
  readonly row: PairRow;
  readonly chosen: LogpsResult;
  readonly rejected: LogpsResult;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

export type EngineState =
  | { readonly kind: 'idle' }
  | {
      readonly kind: 'loading';
      readonly progress: LoadProgress | null;
      /** What is being loaded. */
      readonly models?: ModelIds;
      readonly stopping?: boolean;
    }
  | {
      readonly kind: 'ready';
      readonly facts: EngineFacts;
      /** Cancelled work has not ended for a while, because its current unit takes long: `stopNow` need not wait for it. */
      readonly stopping?: boolean;
    }
  | { readonly kind: 'restarting'; readonly reason: string }
  | { readonly kind: 'unavailable'; readonly error: EngineErrorData };

/** A vision-language model and a CLIP model of the catalog. */
export interface ModelIds {
  readonly vlm: string;
  readonly clip: string;
}

/** Errors cross the worker boundary as this data and come back as the classes of `errors.ts`. */
export interface EngineErrorData {
  readonly name:
    | 'NoWebGpuError'
    | 'DeviceLostError'
    | 'EngineLostError'
    | 'OutOfMemoryError'
    | 'ModelFileError'
    | 'InputError'
    | 'CancelledError'
    | 'EngineError';
  /** A sentence for people: what happened, what was kept, what to do. */
  readonly message: string;
  /** The model file, the field or the kernel concerned. */
  readonly subject?: string;
}

export interface Engine {
  readonly state: EngineState;
  /** Called on every change of `state`; returns the unsubscribe function. */
  onState(listener: (state: EngineState) => void): () => void;

  /** Loads both models; a load under way is cancelled. Models loaded before stay active until both are there. */
  load(models: ModelIds, options?: { signal?: AbortSignal }): Promise<EngineFacts>;
  sample(request: SampleRequest, options?: CallOptions): AsyncIterable<SampleEvent>;
  /**
   * Answers many prompts in far less time than one after another. Aborting the signal ends it between tokens; whole
   * answers have been reported by then, those under way are dropped. Throws `InputError` that names the prompt.
   */
  sampleBatch(request: SampleBatchRequest, options?: CallOptions): AsyncIterable<SampleBatchEvent>;
  logps(request: LogpsRequest, options?: CallOptions): Promise<LogpsResult>;
  pairLogps(request: PairLogpsRequest, options?: CallOptions): Promise<PairLogps>;
  /** How far the policy is from its reference on its own samples; 0 without an adapter. */
  divergence(request: DivergenceRequest, options?: CallOptions): Promise<Divergence>;
  /** Cosine similarities, one per text. */
  clipScore(request: ClipRequest, options?: CallOptions): Promise<number[]>;
  /** What the detector sees in a photograph. The first call loads it. */
  look(request: LookRequest, options?: CallOptions): Promise<Seen>;
  evaluate(request: EvaluateRequest, options?: CallOptions): Promise<Evaluation>;
  /**
   * Trains the adapter and yields what happens. Aborting the signal pauses: the step under way is dropped, the adapter
   * of the last whole step stays, a last `checkpoint` comes, then `CancelledError`. Throws `InputError` for pairs or
   * settings that cannot be used, `OutOfMemoryError` for a run the device cannot hold, `EngineError` when a step gives no
   * finite loss or gradient (after a `checkpoint` of the last good adapter).
   */
  train(request: TrainRequest, options?: CallOptions): AsyncIterable<TrainEvent>;
  /**
   * What `train` would do and need, without a step taken or memory for it claimed. Throws `InputError` and
   * `OutOfMemoryError` as `train` does before its first step.
   */
  plan(request: TrainRequest, options?: CallOptions): Promise<TrainPlan>;
  readonly adapter: AdapterControl;
  kernels(): Promise<KernelReport[]>;
  memory(): Promise<MemoryReport>;
  /** Loses the GPU device on purpose: the recovery path can be tried by a person and by a test. */
  destroyDevice(): Promise<void>;
  /** Ends cancelled work at once by restarting the engine, which loses the unit under way. Does nothing unless `stopping`. */
  stopNow(): void;
  dispose(): void;
}
