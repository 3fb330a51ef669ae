/**
 * Forward and backward of the decoder with an adapter, for one micro-batch.
 *
 * Of the forward pass only the input of every layer is kept; the backward pass computes the inside of a layer again.
 * The frozen weights get no gradient; the adapter's are added to a tensor that the caller owns.
 */
import type { Tensor } from '../../kernels/gpu/index.ts';

/** Made by `policy.trainingPass(sequences, adapter)`, which has recorded the forward pass. Dispose it. */
export interface TrainingPass {
  /** Log-probability of every response token, f32 [tokens]: all sequences one after another. */
  readonly logps: Tensor;
  /** Sequence s has tokens starts[s] .. starts[s + 1] - 1. */
  readonly starts: readonly number[];
  /**
   * Records the backward pass, once, and gives the kept activations back.
   * @param dLogps f32 [tokens]: d(loss) / d(logps).
   * @param gradients f32 [adapter.plan.size], in the places of `adapter.parameters`; d(loss) / d(parameters) is added.
   */
  backward(dLogps: Tensor, gradients: Tensor): void;
  /** Gives everything back. */
  dispose(): void;
}
