/**
 * Training without a model, for the fake engine: the loss falls from ln 2 by a rule, so that a test can say what comes.
 * On top of it lies a ripple that follows from the file the run starts from, the seed, the pairs each step takes and every
 * step before, so that a run that went on from the wrong place, or in another order, gives itself away.
 */
import { crc32 } from '../../src/crc32.ts';
import type {
  AdapterControl,
  AdapterFacts,
  CallOptions,
  LoraSettings,
  StepMetrics,
  StepPair,
  TrainEvent,
  TrainingCheckpoint,
  TrainingConfig,
  TrainPlan,
  TrainRequest,
} from '../../src/engine/engine.ts';
import {
  DeviceLostError,
  EngineError,
  EngineLostError,
  InputError,
  OutOfMemoryError,
  throwIfCancelled,
} from '../../src/errors.ts';
import { stepBatches } from '../../src/training/data-order.ts';
import { runLength } from '../../src/training/schedule.ts';

const CONFIG: TrainingConfig = {
  learning_rate: 1e-4,
  per_device_train_batch_size: 1,
  gradient_accumulation_steps: 1,
  num_train_epochs: 1,
  max_steps: 0,
  lr_scheduler_type: 'linear',
  warmup_steps: 0,
  weight_decay: 0,
  adam_beta1: 0.9,
  adam_beta2: 0.999,
  adam_epsilon: 1e-8,
  max_grad_norm: 1,
  save_steps: 0,
  seed: 1,
  num_generations: 4,
  temperature: 1,
  top_p: 1,
  max_completion_length: 48,
};

const LORA: LoraSettings = { r: 8, lora_alpha: 16, lora_dropout: 0, target_modules: ['q_proj', 'v_proj'] };

/** Largest ripple of the loss. */
const RIPPLE = 0.01;

/**
 * Metrics of a step: the margin grows by 0.1, the loss is softplus of minus the margin.
 * @param ripple of the run, 0 to 1.
 */
export function fakeMetrics(step: number, ripple = 0): StepMetrics {
  const margin = 0.1 * (step - 1);
  return {
    step,
    epoch: step,
    learning_rate: CONFIG.learning_rate,
    grad_norm: 1 / step,
    num_tokens: 10 * step,
    tokens_per_second: 100,
    seconds: 0.1,
    loss: Math.log1p(Math.exp(-margin)) + RIPPLE * ripple,
    'rewards/chosen': margin / 2,
    'rewards/rejected': -margin / 2,
    'rewards/margins': margin,
    'rewards/accuracies': margin > 0 ? 1 : 0,
    'logps/chosen': -10 + margin / 2,
    'logps/rejected': -10 - margin / 2,
  };
}

/** Milliseconds of every step's phases. */
const FAKE_TIMES = { 'gpu_ms/forward': 4, 'gpu_ms/loss': 0.5, 'gpu_ms/backward': 11.25, 'gpu_ms/optimizer': 1 };

/** A pair at a step: the chosen answer gains what the rejected one loses; later pairs are further apart. */
export function fakePair(step: number, index: number): StepPair {
  const half = 0.5 * (step - 1) * (index + 1);
  const margin = 0.1 * 2 * half;
  return {
    index,
    margin,
    loss: Math.log1p(Math.exp(-margin)),
    chosen: -10 + half,
    rejected: -10 - half,
    chosenLogRatio: half,
    rejectedLogRatio: -half,
  };
}

/** Metrics of a step that samples: the reward grows by 0.1; of four answers the second earns most. */
export function fakeOnlineMetrics(step: number, ripple = 0): StepMetrics {
  const common = fakeMetrics(step);
  const reward = 0.1 * (step - 1);
  const texts = ['A cat.', 'A cat and an apple.', 'A cat and a dog.', ''];
  return {
    step: common.step,
    epoch: common.epoch,
    learning_rate: common.learning_rate,
    grad_norm: common.grad_norm,
    num_tokens: common.num_tokens,
    tokens_per_second: common.tokens_per_second,
    seconds: common.seconds,
    loss: 0.01 + RIPPLE * ripple,
    reward,
    reward_std: 0.4,
    frac_reward_zero_std: 0.25,
    kl: 0.02 * step,
    entropy: 0.6,
    'completions/mean_length': 20 + step,
    'completions/clipped_ratio': 0,
    completions: {
      index: 0,
      answers: texts.map((text, i) => ({
        text,
        author: 'policy',
        reward: reward + [0.5, 1, 0, 0][i],
        signal: [0, 1.2, -1, -0.2][i],
      })),
    },
  };
}

/** What each item of a request is, as words. */
const itemsOf = ({ prompts, pairs }: TrainRequest): string[] =>
  prompts
    ? prompts.map(({ image, prompt }) => JSON.stringify([image.id, prompt]))
    : pairs.map(({ image, prompt, chosen, rejected, inputs }) =>
        JSON.stringify([image.id, prompt, chosen, rejected, inputs]),
      );

/** From 0 to 1, exact in f32. */
const hashed = (...parts: readonly unknown[]): number =>
  (crc32(new TextEncoder().encode(JSON.stringify(parts))) >>> 8) / 2 ** 24;

/** What a file decides of the adapter. */
const FILE_LORA = { r: LORA.r, lora_alpha: LORA.lora_alpha, target_modules: LORA.target_modules };

/** The settings a run has: those of its checkpoint where it goes on from one, as the engine takes them. */
function settingsOf({ resume, config, lora, adapter, hyperparameters }: TrainRequest) {
  if (resume) return { config: resume.config, lora: resume.lora, hyperparameters: resume.hyperparameters };
  return {
    config: { ...CONFIG, ...config },
    lora: { ...LORA, ...lora, ...(adapter && FILE_LORA) },
    hyperparameters: hyperparameters ?? {},
  };
}

/** @param ripple where the run has got to. */
function checkpointOf(request: TrainRequest, step: number, ripple: number): TrainingCheckpoint {
  return {
    version: 1,
    objective: request.objective,
    ...settingsOf(request),
    step,
    numTokens: 10 * step,
    pairsHash: String(hashed(itemsOf(request))),
    tensors: [{ name: 'base_model.model.lora_A.weight', shape: [1, 1] }],
    values: new Float32Array([ripple]),
    firstMoments: new Float32Array(1),
    secondMoments: new Float32Array(1),
  };
}

/** A step needs so many bytes per pair of a micro-batch and rank. */
export const FAKE_BYTES = 1024;

export class FakeTraining {
  #facts: AdapterFacts | null = null;
  /** Bytes of a step from which on a run is refused. */
  limit = Number.POSITIVE_INFINITY;
  /** Whether each step brings a snapshot of the one before, as the trainer's do. */
  snapshots = false;

  /** @throws OutOfMemoryError beyond `limit`. */
  plan(request: TrainRequest): TrainPlan {
    const { config, lora, hyperparameters } = settingsOf(request);
    const trainingBytes = FAKE_BYTES * config.per_device_train_batch_size * lora.r;
    if (trainingBytes > this.limit) {
      throw new OutOfMemoryError(`A step needs ${trainingBytes} bytes, and this GPU allows ${this.limit}. Lower r.`);
    }
    const length = runLength(config, itemsOf(request).length);
    const firstStep = request.resume?.step ?? 0;
    return { ...length, firstStep, config, lora, hyperparameters, parameters: 1024, trainingBytes };
  }

  /** Called before every step, as the engine's `before`. */
  async *train(
    request: TrainRequest,
    options: CallOptions,
    before: () => void | Promise<void>,
  ): AsyncIterable<TrainEvent> {
    const items = itemsOf(request);
    const { resume } = request;
    const plan = this.plan(request);
    const { config, lora, steps, firstStep } = plan;
    if (resume && resume.pairsHash !== String(hashed(items))) {
      throw new InputError('The pairs are not those of the checkpoint.');
    }
    yield { type: 'plan', plan };
    if (!request.prompts) yield { type: 'reference', done: items.length, total: items.length };
    const last = Math.min(steps, firstStep + (request.stopAfter ?? steps));
    let step = firstStep;
    let ripple = resume?.values[0] ?? (request.adapter ? hashed([...request.adapter]) : 0);
    try {
      while (step < last) {
        await before();
        throwIfCancelled(options.signal);
        const batches = stepBatches(config, items.length, step);
        const earlier = ripple;
        ripple = hashed(
          ripple,
          config.seed,
          batches.map((batch) => batch.map((index) => items[index])),
        );
        step += 1;
        if (request.prompts) yield { type: 'rollout', done: items.length, total: items.length };
        this.#facts = { lora, parameters: 1024, step, origin: 'trained' };
        const pairs = request.pairs.map((_, index) => fakePair(step, index));
        if (this.snapshots && step > firstStep + 1) {
          yield { type: 'snapshot', checkpoint: checkpointOf(request, step - 1, earlier) };
        }
        const metrics = request.prompts ? fakeOnlineMetrics(step, ripple) : { ...fakeMetrics(step, ripple), pairs };
        yield { type: 'step', metrics: { ...metrics, ...(request.phaseTimes && FAKE_TIMES) } };
      }
    } catch (error) {
      // As with the trainer: a lost engine leaves nothing, and an update that ruined the adapter is taken back.
      if (error instanceof DeviceLostError || error instanceof EngineLostError) throw error;
      if (error instanceof EngineError && error.subject === 'learning_rate') step -= 1;
      yield { type: 'checkpoint', checkpoint: checkpointOf(request, step, ripple) };
      throw error;
    }
    yield { type: 'checkpoint', checkpoint: checkpointOf(request, step, ripple) };
    yield { type: 'done', reason: step === steps ? 'finished' : 'stopped', step };
  }

  readonly adapter: AdapterControl = {
    facts: async () => this.#facts,
    export: async () => {
      if (!this.#facts) throw new InputError('There is no adapter to export yet.');
      return new Uint8Array([this.#facts.step]);
    },
    import: async () => {
      this.#facts = { lora: LORA, parameters: 1024, step: 0, origin: 'imported' };
      return this.#facts;
    },
    restore: async ({ lora, step }) => {
      this.#facts = { lora, parameters: 1024, step, origin: 'trained' };
      return this.#facts;
    },
    reset: async () => {
      this.#facts = null;
    },
  };
}
