/**
 * The Llama decoder, top to bottom: embedding, layers, final norm, head. Records dispatches; nothing here waits for
 * the GPU.
 */
import { attention } from '../../kernels/attention/kernel.ts';
import { attentionFewRows } from '../../kernels/attention-few-rows/kernel.ts';
import { embedding } from '../../kernels/embedding/kernel.ts';
import { gatherRows } from '../../kernels/gather-rows/kernel.ts';
import type { Gpu, KernelSpec, Scope, Tensor } from '../../kernels/gpu/index.ts';
import { linear } from '../../kernels/linear/kernel.ts';
import { linearFewRows } from '../../kernels/linear-few-rows/kernel.ts';
import { loraUp } from '../../kernels/lora/kernel.ts';
import type { DropoutMasks } from '../../kernels/lora-dropout/kernel.ts';
import { rmsNorm } from '../../kernels/rms-norm/kernel.ts';
import { rope, ropeAngles } from '../../kernels/rope/kernel.ts';
import { scatterRows } from '../../kernels/scatter-rows/kernel.ts';
import type { Weight } from '../../kernels/shared/weights.ts';
import { swiglu } from '../../kernels/swiglu/kernel.ts';
import type { LlamaConfig } from './config.ts';
import { Head } from './head.ts';
import type { RowLayout } from './layout.ts';
import type { LoraAdapter, Projection } from './lora.ts';
import { LoraDropout } from './lora-dropout.ts';
import type { DecoderWeights } from './weights.ts';

/** Keys and values of one layer, f32 [keys, kvHeads · headDim]. */
export interface KeyValues {
  readonly k: Tensor;
  readonly v: Tensor;
}

/**
 * Which linear kernel: `many` rows in tiles (prompts, scoring), or a `few` (one new token per answer). The caller
 * chooses by the kind of work and not by the number of rows, so that an answer's numbers do not depend on its batch.
 */
export type RowCount = 'many' | 'few';

/** Shortest table of angles, so that short prompts do not grow it step by step. */
const MIN_POSITIONS = 256;

export interface ForwardOptions {
  /** Keys and values go to the rows of each layer's cache that `keyRow` names. */
  readonly cache?: readonly KeyValues[];
  /** The policy; without it, the reference. */
  readonly adapter?: LoraAdapter;
  /** Dropout of the adapter's inputs: in training passes alone. */
  readonly dropout?: DropoutMasks;
  /** Called before each layer with its input. */
  readonly onLayer?: (stream: Tensor) => void;
}

/** Tensors that every layer of one pass reuses. */
export interface Workspace {
  readonly rowCount: RowCount;
  readonly adapter?: LoraAdapter;
  /** x Aᵀ of each product that the adapter acts on. */
  readonly low: Readonly<Partial<Record<Projection, Tensor>>>;
  readonly dropout?: LoraDropout;
  readonly normed: Tensor;
  readonly qkv: Tensor;
  readonly q: Tensor;
  readonly mixed: Tensor;
  readonly lse: Tensor;
  readonly gateUp: Tensor;
  readonly inner: Tensor;
  readonly position: Tensor;
  readonly keyRow: Tensor;
  readonly spans: Tensor;
  readonly angles: Tensor;
}

/** Columns of the workspace's f32 tensors. */
export function workspaceWidths({ hiddenSize, intermediateSize, heads, kvHeads, headDim }: LlamaConfig) {
  return {
    normed: hiddenSize,
    qkv: (heads + 2 * kvHeads) * headDim,
    q: heads * headDim,
    mixed: heads * headDim,
    lse: heads,
    gateUp: 2 * intermediateSize,
    inner: intermediateSize,
  };
}

/** Products that are added to the residual stream. */
const ACCUMULATE: Readonly<Record<Projection, 0 | 1>> = { qkv: 0, output: 1, gateUp: 0, down: 1 };

export class Decoder {
  /** What the vocabulary says of tokens. */
  readonly head: Head;
  #angles: Tensor | undefined;

  constructor(
    readonly gpu: Gpu,
    readonly config: LlamaConfig,
    readonly weights: DecoderWeights,
    /** Holds the weights and the table of angles. */
    readonly scope: Scope,
  ) {
    this.head = new Head(gpu, weights.head);
  }

  /** Compiles every kernel this model uses, with and without an adapter. */
  async prepare(): Promise<void> {
    const { embedding: table, head, layers } = this.weights;
    const kernels = new Map<string, readonly [KernelSpec, Readonly<Record<string, number>>]>();
    const add = (kernel: KernelSpec, constants = {}) =>
      kernels.set(kernel.name + JSON.stringify(constants), [kernel, constants]);
    for (const kernel of [scatterRows, gatherRows, rmsNorm, rope, swiglu, ...this.head.kernels])
      add(kernel as KernelSpec);
    for (const kernel of [attention, attentionFewRows]) add(kernel);
    for (const kernel of [linear.f32, linearFewRows.f32, loraUp]) add(kernel);
    add(embedding[table.format]);
    add(linearFewRows[head.format]);
    for (const layer of layers) {
      for (const kernelSet of [linear, linearFewRows]) {
        add(kernelSet[layer.qkv.format]);
        add(kernelSet[layer.gateUp.format]);
        add(kernelSet[layer.output.format], { ACCUMULATE: 1 });
        add(kernelSet[layer.down.format], { ACCUMULATE: 1 });
      }
    }
    await this.gpu.prepare([...kernels.values()]);
  }

  /**
   * Runs all layers over `rows`; the result, f32 [rows, hidden], is the residual stream before the final norm and
   * belongs to `scope`.
   */
  forward(scope: Scope, rows: RowLayout, rowCount: RowCount, options: ForwardOptions = {}): Tensor {
    const { cache, adapter, dropout, onLayer } = options;
    const work = this.gpu.scope('decoder forward');
    const stream = this.#embed(work, rows);
    const workspace = this.workspace(work, rows, rowCount, adapter, dropout);
    const own = cache ? undefined : keyValues(work, rows.ids.length, this.config.kvHeads * this.config.headDim);
    for (let layer = 0; layer < this.config.layers; layer++) {
      onLayer?.(stream);
      this.attend(layer, stream, cache?.[layer] ?? own!, workspace);
      this.expand(layer, stream, workspace);
      this.project(layer, 'down', workspace.inner, stream, workspace);
    }
    work.keep(stream, scope);
    work.dispose();
    return stream;
  }

  /** Rows picked from the residual stream, after the final norm: f32 [picked.length, hidden]. */
  normed(scope: Scope, stream: Tensor, picked: Uint32Array): Tensor {
    const shape = [picked.length, this.config.hiddenSize];
    const work = this.gpu.scope('final norm');
    const rows = work.upload('u32', [picked.length], picked, 'picked rows');
    const gathered = work.tensor('f32', shape, 'gathered');
    this.gpu.run(gatherRows, { source: stream, rows, picked: gathered });
    const y = scope.tensor('f32', shape, 'final hidden');
    this.gpu.run(rmsNorm, { x: gathered, gain: this.weights.norm, y }, { eps: this.config.rmsNormEps });
    work.dispose();
    return y;
  }

  /** Logits of few rows, f32 [rows, vocab]: the next token of each answer. */
  logits(scope: Scope, hidden: Tensor): Tensor {
    const y = scope.tensor('f32', [hidden.rows, this.config.vocabSize], 'logits');
    this.#linear(this.weights.head, hidden, y, 'few', 0);
    return y;
  }

  #embed(scope: Scope, { ids, visual }: RowLayout): Tensor {
    const { embedding: table } = this.weights;
    const stream = scope.tensor('f32', [ids.length, this.config.hiddenSize], 'residual stream');
    const idTensor = scope.upload('u32', [ids.length], ids, 'ids');
    this.gpu.run(embedding[table.format], { ids: idTensor, weights: table.tensor, embeddings: stream });
    for (const { source, rows } of visual) {
      this.gpu.run(scatterRows, {
        source: source.reshape([source.rows, source.cols]),
        rows: scope.upload('u32', [rows.length], rows, 'image rows'),
        target_buffer: stream,
      });
    }
    return stream;
  }

  /** Tensors for one pass over `rows`, in `scope`. */
  workspace(scope: Scope, rows: RowLayout, rowCount: RowCount, adapter?: LoraAdapter, masks?: DropoutMasks): Workspace {
    const { ids, position, keyRow, spans } = rows;
    const count = ids.length;
    const widths = workspaceWidths(this.config);
    const f32 = (label: keyof typeof widths) => scope.tensor('f32', [count, widths[label]], label);
    const low: Partial<Record<Projection, Tensor>> = {};
    for (const [projection, group] of adapter?.groups(0) ?? []) {
      low[projection] = scope.tensor('f32', [count, group.a.rows], `low ${projection}`);
    }
    return {
      rowCount,
      adapter,
      low,
      dropout: adapter && masks && new LoraDropout(this.gpu, scope, adapter, masks, count),
      normed: f32('normed'),
      qkv: f32('qkv'),
      q: f32('q'),
      mixed: f32('mixed'),
      lse: f32('lse'),
      gateUp: f32('gateUp'),
      inner: f32('inner'),
      position: scope.upload('u32', [count], position, 'position'),
      keyRow: scope.upload('u32', [count], keyRow, 'key row'),
      spans: scope.upload('u32', [count, 4], spans, 'spans'),
      angles: this.#anglesFor(position.reduce((highest, value) => Math.max(highest, value), 0) + 1),
    };
  }

  /** First half of a layer, in place on the residual stream: norm, q, k, v, attention, output projection. */
  attend(layer: number, stream: Tensor, { k, v }: KeyValues, work: Workspace): void {
    const { normed, qkv, q, mixed, lse, position, angles, spans, keyRow: key_row } = work;
    const { heads, kvHeads: kv_heads, headDim: head_dim, rmsNormEps: eps } = this.config;
    this.gpu.run(rmsNorm, { x: stream, gain: this.weights.layers[layer].inputNorm, y: normed }, { eps });
    this.project(layer, 'qkv', normed, qkv, work);
    this.gpu.run(rope, { qkv, angles, position, key_row, q, k, v }, { heads, kv_heads, head_dim });
    const kernel = work.rowCount === 'many' ? attention : attentionFewRows;
    this.gpu.run(kernel, { q, k, v, spans, y: mixed, lse }, { kv_heads, head_dim });
    this.project(layer, 'output', mixed, stream, work);
  }

  /** Second half of a layer up to `work.inner`; the down projection then adds it to the residual stream. */
  expand(layer: number, stream: Tensor, work: Workspace): void {
    const { normed, gateUp, inner } = work;
    const { intermediateSize, rmsNormEps: eps } = this.config;
    this.gpu.run(rmsNorm, { x: stream, gain: this.weights.layers[layer].postNorm, y: normed }, { eps });
    this.project(layer, 'gateUp', normed, gateUp, work);
    this.gpu.run(swiglu, { gate_up: gateUp, y: inner }, { inner: intermediateSize });
  }

  /** y = x Wᵀ, or y += x Wᵀ into the residual stream, and what the adapter adds: every product of a layer. */
  project(layer: number, projection: Projection, x: Tensor, y: Tensor, work: Workspace): void {
    this.#linear(this.weights.layers[layer][projection], x, y, work.rowCount, ACCUMULATE[projection]);
    const group = work.adapter?.group(layer, projection);
    if (!group) return;
    this.lower(layer, projection, x, work);
    const { b, slices, scale } = group;
    this.gpu.run(loraUp, { u: work.low[projection]!, b, slices, y }, { scale });
  }

  /** x Aᵀ of an adapted product, or dropout(x) Aᵀ, into `work.low`. */
  lower(layer: number, projection: Projection, x: Tensor, work: Workspace): void {
    const { a: tensor, lines } = work.adapter!.group(layer, projection)!;
    const low = work.low[projection]!;
    if (work.dropout) {
      const u = work.dropout.drop(layer, projection, x);
      this.gpu.clear(low);
      this.gpu.run(loraUp, { u, b: tensor, slices: lines, y: low }, { scale: 1 });
      return;
    }
    const a: Weight = { format: 'f32', tensor, out: tensor.rows, width: tensor.cols };
    this.#linear(a, x, low, work.rowCount, 0);
  }

  #linear(weight: Weight, x: Tensor, y: Tensor, rowCount: RowCount, accumulate: 0 | 1): void {
    const kernels = rowCount === 'many' ? linear : linearFewRows;
    this.gpu.run(kernels[weight.format], { x, weights: weight.tensor, y }, {}, { ACCUMULATE: accumulate });
  }

  /** The table of angles for positions below `count`; grows in powers of two. */
  #anglesFor(count: number): Tensor {
    if (this.#angles && this.#angles.shape[0] >= count) return this.#angles;
    if (this.#angles) this.scope.release(this.#angles);
    const { headDim, ropeTheta } = this.config;
    const positions = Math.max(MIN_POSITIONS, 2 ** Math.ceil(Math.log2(count)));
    const table = ropeAngles(positions, headDim, ropeTheta);
    this.#angles = this.scope.upload('f32', [positions, headDim / 2, 2], table, 'rope angles');
    return this.#angles;
  }
}

/** Empty keys and values for `keys` rows. */
export function keyValues(scope: Scope, keys: number, width: number): KeyValues {
  return { k: scope.tensor('f32', [keys, width], 'keys'), v: scope.tensor('f32', [keys, width], 'values') };
}
