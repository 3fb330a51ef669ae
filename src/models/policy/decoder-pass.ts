/**
 * Forward and backward of the decoder with an adapter, for one micro-batch, between the tokens and the final hidden
 * states. What is made of those (log-probabilities, scores) is the caller's, and so is their gradient.
 *
 * Of the forward pass only the input of every layer is kept; the backward pass computes the inside of a layer again
 * (Chen et al. 2016, arXiv:1604.06174). The frozen weights get no gradient; the adapter's are added to a tensor that the
 * caller owns. Dropout draws the masks of `adapter.dropoutKey` and the second computation draws them again. Where phases are measured, what the caller does before and between the two is its loss.
 */
import { EngineError } from '../../errors.ts';
import { gatherRows, gatherRowsBackward, pickedBy } from '../../kernels/gather-rows/kernel.ts';
import type { Scope, Tensor } from '../../kernels/gpu/index.ts';
import type { DropoutMasks } from '../../kernels/lora-dropout/kernel.ts';
import { rmsNorm, rmsNormBackward } from '../../kernels/rms-norm/kernel.ts';
import type { Decoder } from './decoder.ts';
import { LayerBackward } from './layer-backward.ts';
import type { RowLayout } from './layout.ts';
import type { LoraAdapter } from './lora.ts';

/** The forward pass is recorded when it exists. Dispose it. */
export class DecoderPass {
  /** After the final norm, f32 [picked rows, hidden]. */
  readonly hidden: Tensor;
  /** Lives as long as the pass. */
  readonly scope: Scope;
  readonly #decoder: Decoder;
  readonly #adapter: LoraAdapter;
  readonly #layout: RowLayout;
  readonly #rows: Uint32Array;
  readonly #dropout: DropoutMasks | undefined;
  /** The residual stream before each layer. */
  readonly #inputs: Tensor[] = [];
  /** The residual stream of the picked rows, before the final norm. */
  readonly #picked: Tensor;
  #spent = false;

  /** @param rows whose hidden states are wanted; one may occur several times. */
  constructor(decoder: Decoder, adapter: LoraAdapter, layout: RowLayout, rows: Uint32Array) {
    const { gpu, config, weights } = decoder;
    this.#decoder = decoder;
    this.#adapter = adapter;
    this.#layout = layout;
    this.#rows = rows;
    const { dropoutKey: key, config: lora } = adapter;
    this.#dropout = lora.dropout > 0 ? { p: lora.dropout, key } : undefined;
    this.scope = gpu.scope('training pass');
    gpu.phases.begin('forward');
    const work = gpu.scope('training forward');
    try {
      const onLayer = (stream: Tensor) => {
        const input = this.scope.tensor('f32', stream.shape, 'layer input');
        gpu.copy(stream, input);
        this.#inputs.push(input);
      };
      const stream = decoder.forward(work, layout, 'many', { adapter, dropout: this.#dropout, onLayer });
      const shape = [rows.length, config.hiddenSize];
      this.#picked = this.scope.tensor('f32', shape, 'picked');
      const picks = work.upload('u32', [rows.length], rows, 'picked rows');
      gpu.run(gatherRows, { source: stream, rows: picks, picked: this.#picked });
      this.hidden = this.scope.tensor('f32', shape, 'final hidden');
      gpu.run(rmsNorm, { x: this.#picked, gain: weights.norm, y: this.hidden }, { eps: config.rmsNormEps });
      gpu.phases.begin('loss');
    } catch (error) {
      this.scope.dispose();
      throw error;
    } finally {
      work.dispose();
    }
  }

  /** Rows of the decoder: shared prompts, and answers. */
  get rows(): number {
    return this.#layout.ids.length;
  }

  /**
   * Records the backward pass, once, and gives the kept activations back.
   * @param dHidden f32 [picked rows, hidden], or what records it into a scope.
   * @param gradients f32 [adapter.plan.size], in the places of `adapter.parameters`; d(loss) / d(parameters) is added.
   * @throws EngineError when called again.
   */
  backward(dHidden: Tensor | ((scope: Scope) => Tensor), gradients: Tensor): void {
    if (this.#spent) throw new EngineError('The backward pass of these sequences has already run.');
    this.#spent = true;
    const { gpu, config } = this.#decoder;
    const scope = gpu.scope('training backward');
    gpu.phases.begin('backward');
    try {
      const dStream = scope.tensor('f32', [this.rows, config.hiddenSize], 'd(residual stream)');
      const work = gpu.scope('head backward');
      try {
        this.#unpick(work, typeof dHidden === 'function' ? dHidden(work) : dHidden, dStream);
      } finally {
        work.dispose();
      }
      const layers = new LayerBackward(scope, this.#decoder, this.#layout, this.#adapter, gradients, this.#dropout);
      for (let layer = config.layers - 1; layer >= 0; layer--) {
        const input = this.#inputs.pop()!;
        layers.run(layer, input, dStream);
        this.scope.release(input);
      }
      gpu.phases.begin('loss');
    } finally {
      scope.dispose();
    }
  }

  /** Gives everything back. */
  dispose(): void {
    this.scope.dispose();
  }

  /** Through the final norm, and back to the rows that were picked. */
  #unpick(work: Scope, dHidden: Tensor, dStream: Tensor): void {
    const { gpu, config, weights } = this.#decoder;
    const dPicked = work.tensor('f32', this.#picked.shape, 'd(picked)');
    const norm = { x: this.#picked, gain: weights.norm, dy: dHidden, dx: dPicked };
    gpu.run(rmsNormBackward, norm, { eps: config.rmsNormEps });
    const { order, starts } = pickedBy(this.#rows, this.rows);
    gpu.run(gatherRowsBackward, {
      d_picked: dPicked,
      order: work.upload('u32', [order.length], order, 'order'),
      starts: work.upload('u32', [starts.length], starts, 'starts'),
      d_source: dStream,
    });
  }
}
