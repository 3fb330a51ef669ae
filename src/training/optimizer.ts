/** AdamW over a flat adapter: gradients, moments, clipping, and the state before the last update to go back to. */
import type { TrainingConfig } from '../engine/engine.ts';
import { adamw, biasCorrections } from '../kernels/adamw/kernel.ts';
import type { Gpu, Scope, Tensor } from '../kernels/gpu/index.ts';
import { gradNorm, normParts, sumOfSquares } from '../kernels/grad-norm/kernel.ts';

export const optimizerKernels = [sumOfSquares, gradNorm, adamw] as const;

/** Added to the norm that divides, as `torch.nn.utils.clip_grad_norm_` does. */
const CLIP_EPSILON = 1e-6;

/** Values before the last update. */
interface Snapshot {
  readonly parameters: Tensor;
  readonly first: Tensor;
  readonly second: Tensor;
}

export class Optimizer {
  /** f32 [size]: the sum over the micro-batches of a step. */
  readonly gradients: Tensor;
  readonly first: Tensor;
  readonly second: Tensor;
  readonly #gpu: Gpu;
  readonly #scope: Scope;
  readonly #parameters: Tensor;
  readonly #before: Snapshot;
  #hasBefore = false;

  /** @param parameters f32 [size], updated in place. */
  constructor(gpu: Gpu, parameters: Tensor) {
    this.#gpu = gpu;
    this.#parameters = parameters;
    this.#scope = gpu.scope('optimizer');
    const shape = [parameters.size];
    try {
      const empty = (label: string) => this.#scope.tensor('f32', shape, label);
      this.gradients = empty('gradients');
      this.first = this.#scope.zeros('f32', shape, 'first moments');
      this.second = this.#scope.zeros('f32', shape, 'second moments');
      this.#before = {
        parameters: empty('parameters before'),
        first: empty('first before'),
        second: empty('second before'),
      };
    } catch (error) {
      this.#scope.dispose();
      throw error;
    }
  }

  /** Bytes for an adapter of `size` numbers: gradients, two moments, three tensors to go back to. */
  static bytes(size: number): number {
    return 6 * 4 * size;
  }

  zeroGradients(): void {
    this.#gpu.clear(this.gradients);
  }

  /** Records the norm of the summed gradients, f32 [1], in `scope`. */
  norm(scope: Scope): Tensor {
    this.#gpu.phases.begin('optimizer');
    const partials = scope.tensor('f32', [normParts(this.gradients.size)], 'sums of squares');
    const norm = scope.tensor('f32', [1], 'gradient norm');
    this.#gpu.run(sumOfSquares, { gradients: this.gradients, partials });
    this.#gpu.run(gradNorm, { partials, norm });
    return norm;
  }

  /**
   * Records one update.
   * @param step counted from 1.
   * @param microBatches whose gradients were summed: the update uses their mean.
   * @param norm of that mean.
   */
  step(config: TrainingConfig, learningRate: number, step: number, microBatches: number, norm: number): void {
    this.#gpu.phases.begin('optimizer');
    this.#copy(this.#now(), this.#before);
    this.#hasBefore = true;
    const { max_grad_norm: most, adam_beta1: beta1, adam_beta2: beta2 } = config;
    const clip = most > 0 ? Math.min(1, most / (norm + CLIP_EPSILON)) : 1;
    this.#gpu.run(
      adamw,
      {
        parameters: this.#parameters,
        gradients: this.gradients,
        first_moments: this.first,
        second_moments: this.second,
      },
      {
        gradient_scale: clip / microBatches,
        learning_rate: learningRate,
        beta1,
        beta2,
        epsilon: config.adam_epsilon,
        weight_decay: config.weight_decay,
        ...biasCorrections(beta1, beta2, step),
      },
    );
  }

  /** Takes the last update back. Returns false where there was none. */
  undo(): boolean {
    if (!this.#hasBefore) return false;
    this.#copy(this.#before, this.#now());
    this.#hasBefore = false;
    return true;
  }

  dispose(): void {
    this.#scope.dispose();
  }

  #now(): Snapshot {
    return { parameters: this.#parameters, first: this.first, second: this.second };
  }

  #copy(from: Snapshot, to: Snapshot): void {
    for (const name of ['parameters', 'first', 'second'] as const) this.#gpu.copy(from[name], to[name]);
  }
}
