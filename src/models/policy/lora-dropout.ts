/** Dropout of a LoRA adapter's inputs in one training pass, forward or backward. */
import type { Gpu, Scope, Tensor } from '../../kernels/gpu/index.ts';
import {
  type DropoutMasks,
  dropoutParams,
  loraDropout,
  loraDropoutBackward,
} from '../../kernels/lora-dropout/kernel.ts';
import { dropoutWidth, type LoraAdapter, type Projection } from './lora.ts';

/** Tells the products of a layer apart in the hash of their masks. */
const PRODUCTS: readonly Projection[] = ['qkv', 'output', 'gateUp', 'down'];

/** One piece of memory that every product of every layer uses in turn. */
export class LoraDropout {
  readonly #gpu: Gpu;
  readonly #adapter: LoraAdapter;
  readonly #masks: DropoutMasks;
  readonly #rows: number;
  readonly #copies: Tensor;

  /** @param rows of the pass; the memory belongs to `scope`. */
  constructor(gpu: Gpu, scope: Scope, adapter: LoraAdapter, masks: DropoutMasks, rows: number) {
    this.#gpu = gpu;
    this.#adapter = adapter;
    this.#masks = masks;
    this.#rows = rows;
    this.#copies = scope.tensor('f32', [rows * dropoutWidth(adapter.plan)], 'dropped inputs');
  }

  /**
   * Records dropout of a product's input, f32 [rows, width], for each of its slices: f32 [rows, slices · width]. The same
   * product is given the same masks whenever it asks.
   */
  drop(layer: number, projection: Projection, x: Tensor): Tensor {
    const copies = this.copies(layer, projection);
    const y = copies.reshape([x.rows, copies.cols / x.cols, x.cols]);
    this.#gpu.run(loraDropout, { x, y }, this.#params(layer, projection));
    return copies;
  }

  /** Adds to dx, f32 [rows, width], what comes back from the gradient of the copies, f32 [rows, slices · width]. */
  backward(layer: number, projection: Projection, dCopies: Tensor, dx: Tensor): void {
    const dy = dCopies.reshape([dx.rows, dCopies.cols / dx.cols, dx.cols]);
    this.#gpu.run(loraDropoutBackward, { dy, dx }, this.#params(layer, projection));
  }

  /** The memory in the shape of a product's copies, f32 [rows, slices · width]: for their gradient. */
  copies(layer: number, projection: Projection): Tensor {
    const { a, lines } = this.#adapter.group(layer, projection)!;
    return this.#copies.view(0, [this.#rows, lines.rows * a.cols]);
  }

  #params(layer: number, projection: Projection) {
    return dropoutParams(this.#masks, layer, PRODUCTS.indexOf(projection));
  }
}
