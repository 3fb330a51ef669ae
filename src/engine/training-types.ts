/**
 * What crosses between page and worker for training: plain, cloneable data. Settings carry the names of TRL's
 * `DPOConfig` and PEFT's `LoraConfig`, metrics those of TRL's log.
 */
import type { BatchMetrics, ImageInput } from './engine.ts';

/** What is known of the objects in a picture. */
export interface Truth {
  /** A drawn scene knows its own objects; about a photograph a detector tells. It decides which words name an object. */
  readonly by: 'scene' | 'detector';
  /** Nouns of what is there, each once. */
  readonly objects: readonly string[];
  /** Nouns of what may be there: counted neither for an answer nor against it. */
  readonly doubtful: readonly string[];
}

/** A question about a picture, for losses that sample their own answers. */
export interface TrainingPrompt {
  readonly image: ImageInput;
  readonly prompt: string;
  /** What the reward `truth` goes by, where it is known. */
  readonly truth?: Truth;
}

/** One preference pair to learn from. */
export interface TrainingPair extends TrainingPrompt {
  readonly chosen: string;
  readonly rejected: string;
  /** Numbers of the pair itself that some objectives need: `scoreChosen`, `winProbChosen`, ... (see `objective.needs`). */
  readonly inputs?: Readonly<Record<string, number>>;
}

export type LrSchedulerType = 'linear' | 'cosine' | 'constant' | 'constant_with_warmup';

/** Optimiser and data settings, as `transformers.TrainingArguments` calls them. */
export interface TrainingConfig {
  readonly learning_rate: number;
  /** Pairs of one forward and backward pass. */
  readonly per_device_train_batch_size: number;
  /** Passes whose gradients are averaged into one optimiser step. */
  readonly gradient_accumulation_steps: number;
  readonly num_train_epochs: number;
  /** Optimiser steps; above 0 it overrides `num_train_epochs`. */
  readonly max_steps: number;
  readonly lr_scheduler_type: LrSchedulerType;
  readonly warmup_steps: number;
  readonly weight_decay: number;
  readonly adam_beta1: number;
  readonly adam_beta2: number;
  readonly adam_epsilon: number;
  /** Gradients are scaled down to this global norm; 0 leaves them as they are. */
  readonly max_grad_norm: number;
  /** Steps between checkpoints; 0 keeps only the one at the end. */
  readonly save_steps: number;
  /** Order of the pairs, first values of the adapter, and answers that are sampled. */
  readonly seed: number;
  /** Answers sampled to each prompt and step, as `trl.GRPOConfig` calls them; losses that compare two always take two. */
  readonly num_generations: number;
  readonly temperature: number;
  readonly top_p: number;
  /** Most tokens of a sampled answer. */
  readonly max_completion_length: number;
}

/** What an answer is worth: CLIP's similarity with the picture, or what it says of the objects that are there. */
export type RewardName = 'clip' | 'truth';
/** One reward, or weights of several. */
export type RewardChoice = RewardName | Readonly<Partial<Record<RewardName, number>>>;

export type TargetModule = 'q_proj' | 'k_proj' | 'v_proj' | 'o_proj' | 'gate_proj' | 'up_proj' | 'down_proj';

/** The adapter's shape, as `peft.LoraConfig` calls it. */
export interface LoraSettings {
  readonly r: number;
  readonly lora_alpha: number;
  /** Share of the elements of each adapted layer's input that a training pass drops before A. */
  readonly lora_dropout: number;
  readonly target_modules: readonly TargetModule[];
}

export interface TrainRequest {
  /** May be empty where `prompts` are given. */
  readonly pairs: readonly TrainingPair[];
  /** For losses that sample their own answers; without them, the distinct pictures and prompts of the pairs. */
  readonly prompts?: readonly TrainingPrompt[];
  /** What those losses reward. Default: `clip`. */
  readonly reward?: RewardChoice;
  /** Objective id; see `kernels/losses`. */
  readonly objective: string;
  /** The objective's hyperparameters (`beta`, ...); what is not given takes its default. */
  readonly hyperparameters?: Readonly<Record<string, number>>;
  /** What is not given takes its default. */
  readonly config?: Partial<TrainingConfig>;
  /** Shape of a fresh adapter. */
  readonly lora?: Partial<LoraSettings>;
  /**
   * Start at these values instead of a fresh adapter's: a ZIP of a PEFT folder, as `AdapterControl.import` takes it and
   * `PeftModel.from_pretrained(base, folder, is_trainable=True)` does it. `r`, `lora_alpha` and `target_modules` are
   * then the file's, whatever `lora` says; `lora_dropout` and all else stay the request's, and the optimiser starts at
   * step 0 with zero moments. The reference stays the frozen model without any adapter, as TRL's DPOTrainer long had it
   * for a PEFT model without `ref_model` (`disable_adapter`); newer versions of TRL take a frozen copy of the adapter
   * instead. A reward model's file starts objectives that train reward models alone; a file without a score layer starts
   * these too, with a fresh one.
   */
  readonly adapter?: Uint8Array;
  /**
   * Continue this run: same pairs, and the checkpoint's settings and values (`config`, `lora`, `adapter`, `reward` and
   * `hyperparameters` beside it are ignored), so the same trajectory. Without it a run starts at step 0.
   */
  readonly resume?: TrainingCheckpoint;
  /** Stop after this many optimiser steps of this request: "Step" is 1. The run can be resumed. */
  readonly stopAfter?: number;
  /** Measure `gpu_ms/...` of every step, where the device has `timestamp-query`. The step waits for the times. */
  readonly phaseTimes?: boolean;
}

/** A tensor of an adapter, in the order of `TrainingCheckpoint.values`. */
export interface AdapterTensor {
  /** PEFT's name, e.g. `base_model.model.model.text_model.layers.0.self_attn.q_proj.lora_A.weight`. */
  readonly name: string;
  readonly shape: readonly [number, number];
}

/** Everything that continues a run: plain data for the browser's storage or `structuredClone`. */
export interface TrainingCheckpoint {
  readonly version: 1;
  readonly objective: string;
  readonly hyperparameters: Readonly<Record<string, number>>;
  readonly config: TrainingConfig;
  readonly lora: LoraSettings;
  /** Weights of the rewards; absent for losses that sample nothing. */
  readonly reward?: RewardChoice;
  /** Optimiser steps done. With the seed it fixes the position in the data order. */
  readonly step: number;
  /** Tokens trained on so far, as `num_tokens` of the metrics. */
  readonly numTokens: number;
  /** What the objective carries from step to step beside the adapter: BCO's running mean. */
  readonly familyState?: Readonly<Record<string, number>>;
  /** Hash of the pairs, in their order: another set of pairs is another run. */
  readonly pairsHash: string;
  readonly tensors: readonly AdapterTensor[];
  /** Adapter values, AdamW's first and second moments: all tensors one after another. */
  readonly values: Float32Array;
  readonly firstMoments: Float32Array;
  readonly secondMoments: Float32Array;
}

/** One pair of a step, as it stood before the step's update. */
export interface StepPair {
  /** Position in `TrainRequest.pairs`. */
  readonly index: number;
  /** The pair's own loss, without terms of the whole batch. */
  readonly loss: number;
  /** Reward of the chosen answer minus that of the rejected one. */
  readonly margin: number;
  /** Sums of the policy's token log-probabilities. */
  readonly chosen: number;
  readonly rejected: number;
  /** Log-ratios of policy to reference, where the objective has a reference. */
  readonly chosenLogRatio?: number;
  readonly rejectedLogRatio?: number;
  /** Further numbers of the objective that follow the policy, by their names in a pair's row: sequence KLs, for one. */
  readonly inputs?: Readonly<Record<string, number>>;
}

/** One answer that a step sampled. */
export interface StepCompletion {
  readonly text: string;
  /** Who wrote it: the policy, the frozen reference, or the geometric mixture of both. */
  readonly author: 'policy' | 'reference' | 'mixture';
  readonly reward: number;
  /** What the loss judged it by: an advantage, a share or the reward. Absent for answers that are only compared with. */
  readonly signal?: number;
}

/** The answers to one prompt of a step. */
export interface StepCompletions {
  /** Position in `TrainRequest.prompts`. */
  readonly index: number;
  readonly answers: readonly StepCompletion[];
}

/** One optimiser step under TRL's names: means over the step. What a loss does not know is absent. */
export interface StepMetrics extends Partial<BatchMetrics> {
  readonly loss: number;
  /** Optimiser steps done, this one included. */
  readonly step: number;
  /** Passes over the pairs, as a fraction. */
  readonly epoch: number;
  /** The rate this step used. */
  readonly learning_rate: number;
  /** Global norm before clipping. */
  readonly grad_norm: number;
  /** Tokens of all sequences so far; a prompt counts with each of its two answers, as in TRL. */
  readonly num_tokens: number;
  readonly tokens_per_second: number;
  /** Wall-clock seconds of the step. */
  readonly seconds: number;
  /** Mean log-ratio of policy to reference per chosen and rejected answer, where the objective has a reference. */
  readonly 'log_ratios/chosen'?: number;
  readonly 'log_ratios/rejected'?: number;
  /**
   * GPU milliseconds of the step's phases, where they are measured; several micro-batches added up. `reference`: the
   * frozen model's passes, those before the first step included; `rollout`: sampling answers.
   */
  readonly 'gpu_ms/reference'?: number;
  readonly 'gpu_ms/rollout'?: number;
  readonly 'gpu_ms/forward'?: number;
  readonly 'gpu_ms/loss'?: number;
  readonly 'gpu_ms/backward'?: number;
  readonly 'gpu_ms/optimizer'?: number;
  /** Every pair of the step, in the order of its micro-batches; absent where a loss does not see pairs. */
  readonly pairs?: readonly StepPair[];
  /** Sampled answers: mean of their rewards, mean over prompts of their deviation, share of prompts without any. */
  readonly reward?: number;
  readonly reward_std?: number;
  readonly frac_reward_zero_std?: number;
  /** Of each reward function, before its weight. */
  readonly 'rewards/clip/mean'?: number;
  readonly 'rewards/truth/mean'?: number;
  /** Nash-MD: mean probability that the policy's answer beats the mixture's. */
  readonly 'rewards/probabilities'?: number;
  /**
   * To the reference. On sampled answers: per token, or per answer for losses that see whole answers. KTO: its reference
   * point, the mean log-ratio of mismatched answers, not below 0.
   */
  readonly kl?: number;
  /** Of the policy at the sampled tokens, nats. */
  readonly entropy?: number;
  readonly 'completions/mean_length'?: number;
  /** Share of answers cut off at `max_completion_length`. */
  readonly 'completions/clipped_ratio'?: number;
  /** All answers to the first prompt of the step. */
  readonly completions?: StepCompletions;
}

/** What a run is going to do, told before its first step. */
export interface TrainPlan {
  readonly steps: number;
  readonly stepsPerEpoch: number;
  /** Steps already done by the checkpoint that is resumed. */
  readonly firstStep: number;
  readonly config: TrainingConfig;
  readonly lora: LoraSettings;
  readonly hyperparameters: Readonly<Record<string, number>>;
  /** Trainable numbers of the adapter. */
  readonly parameters: number;
  /** Peak GPU bytes of a step, the model's weights not counted. */
  readonly trainingBytes: number;
}

export type TrainEvent =
  | { readonly type: 'plan'; readonly plan: TrainPlan }
  /** The frozen reference scores every pair once. */
  | { readonly type: 'reference'; readonly done: number; readonly total: number }
  /** Prompts of the coming step that have been answered and rewarded. */
  | { readonly type: 'rollout'; readonly done: number; readonly total: number }
  | { readonly type: 'step'; readonly metrics: StepMetrics }
  /**
   * Every `save_steps`, and always last: after the last step, a pause, or a step that gave no finite number. Its adapter
   * has given finite numbers.
   */
  | { readonly type: 'checkpoint'; readonly checkpoint: TrainingCheckpoint }
  /**
   * The same between those, whatever `save_steps` is: for whoever hears nothing more, because device or worker are gone.
   * Its adapter has given finite numbers. It comes one step late, and so often that it takes a twentieth of the time.
   */
  | { readonly type: 'snapshot'; readonly checkpoint: TrainingCheckpoint }
  | {
      readonly type: 'done';
      /** `finished`: all steps are done; `stopped`: `stopAfter` was reached. A pause ends with `CancelledError`. */
      readonly reason: 'finished' | 'stopped';
      readonly step: number;
    };

/** The adapter in the worker. */
export interface AdapterFacts {
  readonly lora: LoraSettings;
  /** Trainable numbers. */
  readonly parameters: number;
  /** Optimiser steps it has behind it; 0 for an imported one. */
  readonly step: number;
  readonly origin: 'trained' | 'imported';
  /** Whether it is a reward model's: it brings the layer that makes scores, and its answers mean nothing. */
  readonly rewardModel?: true;
  /** What a person should know about how its file was read, as sentences; only the answer to an import has them. */
  readonly notices?: readonly string[];
}

/** The policy is the model with this adapter; the reference is the model without it. */
export interface AdapterControl {
  /** `null`: there is no adapter, and policy and reference are one. */
  facts(): Promise<AdapterFacts | null>;
  /**
   * The adapter as a ZIP of a PEFT folder: `adapter_config.json` and `adapter_model.safetensors`.
   * @throws InputError without an adapter.
   */
  export(): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Puts an adapter to work: a ZIP as `export` gives, from here or from Python's PEFT.
   * @throws InputError when it is no LoRA adapter for this model.
   */
  import(bytes: Uint8Array): Promise<AdapterFacts>;
  /** Puts the adapter of a checkpoint to work: rewinding, or after a restart of the worker. */
  restore(checkpoint: TrainingCheckpoint): Promise<AdapterFacts>;
  /** Takes the adapter away: the policy is the reference again. */
  reset(): Promise<void>;
}
