/**
 * The backward pass of one decoder layer: its inside is computed again from its input, then walked from back to front.
 * Gradients of the frozen weights are never formed; the adapter's are added where it acts.
 */
import {
  attentionBackwardKey,
  attentionBackwardQuery,
  attentionBackwardStats,
  seenBy,
} from '../../kernels/attention/kernel.ts';
import type { Gpu, KernelSpec, Scope, Tensor } from '../../kernels/gpu/index.ts';
import { linearBackward } from '../../kernels/linear/kernel.ts';
import { loraGradient, loraUpBackward } from '../../kernels/lora/kernel.ts';
import type { DropoutMasks } from '../../kernels/lora-dropout/kernel.ts';
import { rmsNormBackward } from '../../kernels/rms-norm/kernel.ts';
import { ropeBackward } from '../../kernels/rope/kernel.ts';
import { swigluBackward } from '../../kernels/swiglu/kernel.ts';
import type { LlamaConfig } from './config.ts';
import { type Decoder, type KeyValues, keyValues, type Workspace } from './decoder.ts';
import type { RowLayout } from './layout.ts';
import type { LoraAdapter, Projection } from './lora.ts';
import type { DecoderWeights } from './weights.ts';

/** Columns of the f32 tensors that the backward pass needs beside the forward workspace. */
export function backwardWidths({ hiddenSize, intermediateSize, heads, kvHeads, headDim }: LlamaConfig) {
  return {
    middle: hiddenSize,
    middleNormed: hiddenSize,
    dNormed: hiddenSize,
    dInner: intermediateSize,
    dGateUp: 2 * intermediateSize,
    dMixed: heads * headDim,
    stats: 2 * heads,
    dq: heads * headDim,
    dKv: 2 * kvHeads * headDim,
    dQkv: (heads + 2 * kvHeads) * headDim,
  };
}

type BackwardTensors = Readonly<Record<keyof ReturnType<typeof backwardWidths>, Tensor>>;

/** Kernels to compile beside the decoder's own. */
export function layerBackwardKernels({
  layers,
}: DecoderWeights): (KernelSpec | [KernelSpec, Record<string, number>])[] {
  const formats = new Set(
    layers.flatMap(({ qkv, output, gateUp, down }) => [qkv, output, gateUp, down]).map((w) => w.format),
  );
  return [
    attentionBackwardStats,
    attentionBackwardQuery,
    attentionBackwardKey,
    ropeBackward,
    swigluBackward,
    loraUpBackward,
    loraGradient,
    [rmsNormBackward, { ACCUMULATE: 1 }],
    [linearBackward.f32, { ACCUMULATE: 1 }],
    ...[...formats].map((format) => linearBackward[format]),
  ] as (KernelSpec | [KernelSpec, Record<string, number>])[];
}

export class LayerBackward {
  readonly #decoder: Decoder;
  readonly #gpu: Gpu;
  readonly #adapter: LoraAdapter;
  readonly #gradients: Tensor;
  readonly #work: Workspace;
  readonly #keyValues: KeyValues;
  readonly #tensors: BackwardTensors;
  readonly #dLow: Readonly<Partial<Record<Projection, Tensor>>>;
  readonly #seenBy: Tensor;

  /**
   * Tensors for all layers, in `scope`. Gradients are added to `gradients`, f32 [adapter.plan.size].
   * @param masks those of the forward pass, where it had dropout.
   */
  constructor(
    scope: Scope,
    decoder: Decoder,
    rows: RowLayout,
    adapter: LoraAdapter,
    gradients: Tensor,
    masks?: DropoutMasks,
  ) {
    const { config } = decoder;
    const count = rows.ids.length;
    this.#decoder = decoder;
    this.#gpu = decoder.gpu;
    this.#adapter = adapter;
    this.#gradients = gradients;
    this.#work = decoder.workspace(scope, rows, 'many', adapter, masks);
    this.#keyValues = keyValues(scope, count, config.kvHeads * config.headDim);
    this.#tensors = Object.fromEntries(
      Object.entries(backwardWidths(config)).map(([label, width]) => [
        label,
        scope.tensor('f32', [count, width], label),
      ]),
    ) as BackwardTensors;
    const dLow: Partial<Record<Projection, Tensor>> = {};
    for (const [projection, { a }] of adapter.groups(0)) {
      dLow[projection] = scope.tensor('f32', [count, a.rows], `d(low ${projection})`);
    }
    this.#dLow = dLow;
    this.#seenBy = scope.upload('u32', [count, 2], seenBy(rows.spans, count), 'seen by');
  }

  /**
   * Turns `dStream`, the gradient of the layer's output, into that of its input, in place. Nothing reads the gradient
   * of the first layer's input (the embeddings are frozen), so there it is left unfinished.
   * @param input the residual stream before the layer, f32 [rows, hidden].
   */
  run(layer: number, input: Tensor, dStream: Tensor): void {
    const { middle, middleNormed } = this.#tensors;
    this.#gpu.copy(input, middle);
    this.#decoder.attend(layer, middle, this.#keyValues, this.#work);
    this.#decoder.expand(layer, middle, { ...this.#work, normed: middleNormed });

    this.#mlp(layer, dStream);
    this.#attention(layer, input, dStream);
  }

  /** dStream += gradient through norm, gate and up, SwiGLU and down. */
  #mlp(layer: number, dStream: Tensor): void {
    const { middle, middleNormed, dInner, dGateUp, dNormed } = this.#tensors;
    const { gateUp, inner } = this.#work;
    if (this.#adapter.group(layer, 'down')) this.#decoder.lower(layer, 'down', inner, this.#work);
    this.#product(layer, 'down', inner, dStream, dInner);
    this.#gpu.run(
      swigluBackward,
      { gate_up: gateUp, dy: dInner, d_gate_up: dGateUp },
      { inner: this.#decoder.config.intermediateSize },
    );
    this.#product(layer, 'gateUp', middleNormed, dGateUp, dNormed);
    this.#norm(middle, this.#decoder.weights.layers[layer].postNorm, dNormed, dStream);
  }

  /** dStream += gradient through norm, q, k, v, rotation, attention and output. */
  #attention(layer: number, input: Tensor, dStream: Tensor): void {
    const { dMixed, stats: flat, dq, dKv: d_kv, dQkv: d_qkv, dNormed } = this.#tensors;
    const { normed, q, mixed, lse, spans, angles, position, keyRow: key_row } = this.#work;
    const { k, v } = this.#keyValues;
    const { heads, kvHeads: kv_heads, headDim: head_dim } = this.#decoder.config;
    const stats = flat.reshape([flat.rows, heads, 2]);
    this.#product(layer, 'output', mixed, dStream, dMixed);
    this.#gpu.run(attentionBackwardStats, { y: mixed, dy: dMixed, lse, stats }, { head_dim });
    this.#gpu.run(attentionBackwardQuery, { q, k, v, spans, stats, dy: dMixed, dq }, { kv_heads, head_dim });
    this.#gpu.run(
      attentionBackwardKey,
      { q, k, v, spans, seen_by: this.#seenBy, stats, dy: dMixed, d_kv },
      { heads, kv_heads, head_dim },
    );
    this.#gpu.run(ropeBackward, { dq, d_kv, angles, position, key_row, d_qkv }, { heads, kv_heads, head_dim });
    this.#product(layer, 'qkv', normed, d_qkv, layer === 0 ? undefined : dNormed);
    if (layer > 0) this.#norm(input, this.#decoder.weights.layers[layer].inputNorm, dNormed, dStream);
  }

  #norm(x: Tensor, gain: Tensor, dy: Tensor, dx: Tensor): void {
    const { rmsNormEps: eps } = this.#decoder.config;
    this.#gpu.run(rmsNormBackward, { x, gain, dy, dx }, { eps }, { ACCUMULATE: 1 });
  }

  /** Of y = x Wᵀ + scale · (dropout(x) Aᵀ) Bᵀ: dx where it is wanted, and what the adapter's matrices get. */
  #product(layer: number, projection: Projection, x: Tensor, dy: Tensor, dx: Tensor | undefined): void {
    const weight = this.#decoder.weights.layers[layer][projection];
    if (dx) this.#gpu.run(linearBackward[weight.format], { dy, weights: weight.tensor, dx }, { first: 0 });

    const group = this.#adapter.group(layer, projection);
    if (!group) return;
    const { a, b, slices, lines, scale } = group;
    const u = this.#work.low[projection]!;
    const du = this.#dLow[projection]!;
    const gradient = this.#adapter.gradientViews(layer, projection, this.#gradients);
    this.#gpu.run(loraUpBackward, { dy, b, slices, du }, { scale });
    this.#gpu.run(loraGradient, { dy, x: u, slices, dw: gradient.b }, { scale });
    const { dropout } = this.#work;
    const lowered = dropout ? dropout.drop(layer, projection, x) : x;
    this.#gpu.run(loraGradient, { dy: du, x: lowered, slices: lines, dw: gradient.a }, { scale: 1 });
    if (!dx) return;
    if (!dropout) {
      this.#gpu.run(linearBackward.f32, { dy: du, weights: a, dx }, { first: 0 }, { ACCUMULATE: 1 });
      return;
    }
    const dCopies = dropout.copies(layer, projection);
    this.#gpu.run(loraUpBackward, { dy: du, b: a, slices: lines, du: dCopies }, { scale: 1 });
    dropout.backward(layer, projection, dCopies, dx);
  }
}
