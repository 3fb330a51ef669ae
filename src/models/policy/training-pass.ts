/**
 * Forward and backward of the decoder with an adapter, for one micro-batch.
 *
 * Of the forward pass only the input of every layer is kept; the backward pass computes the inside of a layer again
 * (Chen et al. 2016, arXiv:1604.06174). The frozen weights get no gradient; the adapter's are added to a tensor that the
 * caller owns.
 */
import { EngineError } from '../../errors.ts';
import { gatherRows, gatherRowsBackward, pickedBy } from '../../kernels/gather-rows/kernel.ts';
import type { KernelSpec, Scope, Tensor } from '../../kernels/gpu/index.ts';
import { headLogprobBackward, headSlab } from '../../kernels/head-logprob/kernel.ts';
import { linearBackward } from '../../kernels/linear/kernel.ts';
import { rmsNorm, rmsNormBackward } from '../../kernels/rms-norm/kernel.ts';
import type { Decoder, TokenTensors } from './decoder.ts';
import { LayerBackward, layerBackwardKernels } from './layer-backward.ts';
import type { ScoreLayout } from './layout.ts';
import type { LoraAdapter } from './lora.ts';

/** Compiles the kernels of the backward pass. */
export function prepareTraining(decoder: Decoder): Promise<void> {
  const { head } = decoder.weights;
  return decoder.gpu.prepare([
    ...layerBackwardKernels(decoder.weights),
    gatherRowsBackward as KernelSpec,
    rmsNormBackward as KernelSpec,
    headLogprobBackward[head.format] as KernelSpec,
    linearBackward[head.format] as KernelSpec,
    [linearBackward[head.format] as KernelSpec, { ACCUMULATE: 1 }],
  ]);
}

/** Made by `policy.trainingPass(sequences, adapter)`; the forward pass is recorded by then. Dispose it. */
export class TrainingPass {
  /** Log-probability of every response token, f32 [tokens]: all sequences one after another. */
  readonly logps: Tensor;
  /** Sequence s has tokens starts[s] .. starts[s + 1] - 1. */
  readonly starts: readonly number[];
  readonly #decoder: Decoder;
  readonly #adapter: LoraAdapter;
  readonly #layout: ScoreLayout;
  readonly #scope: Scope;
  /** The residual stream before each layer. */
  readonly #inputs: Tensor[] = [];
  /** The residual stream of the rows that predict, before and after the final norm, f32 [tokens, hidden]. */
  readonly #picked: Tensor;
  readonly #hidden: Tensor;
  readonly #scores: TokenTensors;
  #spent = false;

  constructor(decoder: Decoder, adapter: LoraAdapter, layout: ScoreLayout) {
    const { gpu, config, weights } = decoder;
    const shape = [layout.targets.length, config.hiddenSize];
    this.#decoder = decoder;
    this.#adapter = adapter;
    this.#layout = layout;
    this.#scope = gpu.scope('training pass');
    const work = gpu.scope('training forward');
    try {
      const onLayer = (stream: Tensor) => {
        const input = this.#scope.tensor('f32', stream.shape, 'layer input');
        gpu.copy(stream, input);
        this.#inputs.push(input);
      };
      const stream = decoder.forward(work, layout, 'many', { adapter, onLayer });
      const rows = work.upload('u32', [shape[0]], layout.predictedBy, 'picked rows');
      this.#picked = this.#scope.tensor('f32', shape, 'picked');
      gpu.run(gatherRows, { source: stream, rows, picked: this.#picked });
      this.#hidden = this.#scope.tensor('f32', shape, 'final hidden');
      gpu.run(rmsNorm, { x: this.#picked, gain: weights.norm, y: this.#hidden }, { eps: config.rmsNormEps });
      this.#scores = decoder.tokenLogprobs(this.#scope, this.#hidden, layout.targets);
    } catch (error) {
      this.#scope.dispose();
      throw error;
    } finally {
      work.dispose();
    }
    this.logps = this.#scores.logps;
    this.starts = layout.starts;
  }

  /** Scores beside the log-probabilities: entropy and top-1 of every response token. */
  get scores(): TokenTensors {
    return this.#scores;
  }

  /** Rows of the decoder: shared prompts, and answers. */
  get rows(): number {
    return this.#layout.ids.length;
  }

  /** Response tokens in all. */
  get tokens(): number {
    return this.#layout.targets.length;
  }

  /**
   * Records the backward pass, once, and gives the kept activations back.
   * @param dLogps f32 [tokens]: d(loss) / d(logps).
   * @param gradients f32 [adapter.plan.size], in the places of `adapter.parameters`; d(loss) / d(parameters) is added.
   * @throws EngineError when called again.
   */
  backward(dLogps: Tensor, gradients: Tensor): void {
    if (this.#spent) throw new EngineError('The backward pass of these sequences has already run.');
    this.#spent = true;
    const scope = this.#decoder.gpu.scope('training backward');
    try {
      const dStream = this.#head(scope, dLogps);
      const layers = new LayerBackward(scope, this.#decoder, this.#layout, this.#adapter, gradients);
      for (let layer = this.#decoder.config.layers - 1; layer >= 0; layer--) {
        const input = this.#inputs.pop()!;
        layers.run(layer, input, dStream);
        this.#scope.release(input);
      }
    } finally {
      scope.dispose();
    }
  }

  /** Gives everything back. */
  dispose(): void {
    this.#scope.dispose();
  }

  /** Gradient of the last layer's output, f32 [rows, hidden]: head, final norm, and back to the rows that predict. */
  #head(scope: Scope, dLogps: Tensor): Tensor {
    const { gpu, config, weights } = this.#decoder;
    const { head } = weights;
    const work = gpu.scope('head backward');
    try {
      const tokens = this.tokens;
      const slab = headSlab(head.out);
      const targets = work.upload('u32', [tokens], this.#layout.targets, 'targets');
      const d_logits = work.tensor('f32', [tokens, slab], 'd(logits)');
      const dHidden = work.tensor('f32', this.#hidden.shape, 'd(hidden)');
      for (let first = 0; first < head.out; first += slab) {
        gpu.run(
          headLogprobBackward[head.format],
          {
            x: this.#hidden,
            weights: head.tensor,
            targets,
            target_logits: this.#scores.targetLogits,
            logps: this.logps,
            d_logps: dLogps,
            d_logits,
          },
          { first },
        );
        const tensors = { dy: d_logits, weights: head.tensor, dx: dHidden };
        gpu.run(linearBackward[head.format], tensors, { first }, { ACCUMULATE: first === 0 ? 0 : 1 });
      }

      const dPicked = work.tensor('f32', this.#picked.shape, 'd(picked)');
      const norm = { x: this.#picked, gain: weights.norm, dy: dHidden, dx: dPicked };
      gpu.run(rmsNormBackward, norm, { eps: config.rmsNormEps });

      const { order, starts } = pickedBy(this.#layout.predictedBy, this.rows);
      const dStream = scope.tensor('f32', [this.rows, config.hiddenSize], 'd(residual stream)');
      gpu.run(gatherRowsBackward, {
        d_picked: dPicked,
        order: work.upload('u32', [order.length], order, 'order'),
        starts: work.upload('u32', [starts.length], starts, 'starts'),
        d_source: dStream,
      });
      return dStream;
    } finally {
      work.dispose();
    }
  }
}
