/**
 * What differs between the losses that train: which sequences a micro-batch scores, what is made of them, and what is
 * logged. `trainer.ts` runs the step around it (data order, micro-batches, clipping, AdamW, checkpoints) without
 * knowing the family. A family's `microBatch` reads top to bottom: sequences, forward, loss, backward.
 */
import type { StepCompletions, StepMetrics, StepPair, TrainEvent } from '../../engine/engine.ts';
import type { Gpu, KernelSpec, Scope, Tensor } from '../../kernels/gpu/index.ts';
import type { LoraAdapter, LoraPlan, Policy } from '../../models/policy/index.ts';
import type { ReferenceLogps, TokenizedPair } from '../data.ts';
import type { AnswerSource } from '../online/source.ts';
import type { RunSettings } from '../settings.ts';

/** What a run is made of. */
export interface FamilyOptions {
  readonly gpu: Gpu;
  readonly policy: Policy;
  /** Trained in place. */
  readonly adapter: LoraAdapter;
  readonly pairs: readonly TokenizedPair[];
  readonly settings: RunSettings;
  /** Known reference log-probabilities by the pairs' keys; missing ones are added. */
  readonly references: Map<string, ReferenceLogps>;
  /** For losses that sample their own answers; `pairs` are then prompts without answers. */
  readonly answers?: AnswerSource;
}

/**
 * Numbers that a run carries from step to step beside adapter and moments: a running mean. Plain data, part of every
 * checkpoint, replaced as a whole and never changed in place, so that a step can be taken back.
 */
export type FamilyState = Readonly<Record<string, number>>;

/** What a pair takes in a micro-batch. */
export interface Footprint {
  /** Rows of the decoder: a prompt once per picture, and answer tokens. */
  readonly rows: number;
  /** Rows whose hidden state is judged: answer tokens, mostly. */
  readonly tokens: number;
  /** Tokens of the longest answer. */
  readonly answer: number;
}

/** An optimiser step about to be taken. */
export interface StepContext {
  /** Counted from 0: with the seed it fixes everything that is drawn. */
  readonly step: number;
  /** Pair numbers of each micro-batch. */
  readonly batches: readonly (readonly number[])[];
  readonly signal?: AbortSignal;
}

/** One micro-batch of it. */
export interface MicroBatch extends StepContext {
  /** Which of `batches`. */
  readonly index: number;
  /** Its pair numbers. */
  readonly batch: readonly number[];
  /** Lives until the step's numbers have been read back. */
  readonly scope: Scope;
  /** f32 [adapter.plan.size], in the places of `adapter.parameters`: the gradient of the batch loss is added. */
  readonly gradients: Tensor;
  /** As the micro-batch before left it. */
  readonly state: FamilyState;
}

/** A micro-batch whose work is recorded: its gradients are added, its numbers still on the GPU. */
export interface RecordedMicroBatch {
  /** Tokens of all sequences, prompts included: what TRL counts as `num_tokens`. */
  readonly tokens: number;
  /** Read back once per step, together with the gradient norm. */
  readonly read: readonly Tensor[];
  /** The values of `read`, in its order, as numbers of the log. */
  readonly metrics: (values: readonly Float32Array[]) => MicroBatchMetrics;
  /** Absent where the family carries none. */
  readonly state?: FamilyState;
}

/** Means over a micro-batch under TRL's names; a step logs their mean over its micro-batches. */
export type StepMeans = Omit<StepMetrics, StepNumber>;
type StepNumber =
  | 'step'
  | 'epoch'
  | 'learning_rate'
  | 'grad_norm'
  | 'num_tokens'
  | 'tokens_per_second'
  | 'seconds'
  | 'pairs'
  | 'completions';

export interface MicroBatchMetrics {
  readonly means: StepMeans;
  /** Where the loss sees pairs: each, in the order of the micro-batch. */
  readonly pairs?: readonly StepPair[];
  /** Where the loss samples answers: those to the first prompt. */
  readonly completions?: StepCompletions;
}

export interface TrainingFamily {
  /** Kernels of the loss, to compile ahead. */
  readonly kernels: readonly KernelSpec[];
  /** Whether the loss compares whole next-token distributions with the reference's; absent where it does not. */
  readonly divergence?: boolean;
  /** What a fresh run starts with; absent where nothing is carried along. */
  readonly initialState?: FamilyState;
  /**
   * Refuses, before anything is allocated, pairs and settings that the loss cannot use.
   * @throws InputError with a sentence.
   */
  check(): void;
  /** For the memory that a run foretells. */
  footprint(pair: TokenizedPair): Footprint;
  /** GPU bytes that a micro-batch keeps until the end of its step, beyond the forward and backward pass. */
  lossBytes(pairs: number, longestAnswer: number): number;
  /** GPU bytes of `beginStep`, which gives them back before the first micro-batch; absent where there is nothing to do. */
  beginStepBytes?(lora: LoraPlan): number;
  /** Work before the first step, such as scoring the frozen reference. @throws CancelledError. */
  start?(signal: AbortSignal | undefined): AsyncGenerator<TrainEvent>;
  /**
   * Work with the present policy that the micro-batches of a step share: answers sampled and rewarded, which may wait
   * for something outside the GPU. A step that failed is asked for again under the same number.
   * @throws CancelledError.
   */
  beginStep?(context: StepContext): Promise<void>;
  /**
   * Records one micro-batch: its loss is a mean over the micro-batch, and so is the gradient it adds.
   * @throws InputError, OutOfMemoryError, CancelledError.
   */
  microBatch(micro: MicroBatch): Promise<RecordedMicroBatch>;
}
