/**
 * The Llama decoder, top to bottom: embedding, layers, final norm, head. Records dispatches; nothing here waits for
 * the GPU.
 */
import { attention, attentionFewRows } from '../../kernels/attention/kernel.ts';
import { embedding } from '../../kernels/embedding/kernel.ts';
import { gatherRows } from '../../kernels/gather-rows/kernel.ts';
import type { Gpu, KernelSpec, Scope, Tensor } from '../../kernels/gpu/index.ts';
import { headDivergenceCombine, headDivergenceTiles } from '../../kernels/head-divergence/kernel.ts';
import { headLogprobCombine, headLogprobTiles, headParts } from '../../kernels/head-logprob/kernel.ts';
import { linear } from '../../kernels/linear/kernel.ts';
import { linearFewRows } from '../../kernels/linear-few-rows/kernel.ts';
import { loraUp } from '../../kernels/lora/kernel.ts';
import { rmsNorm } from '../../kernels/rms-norm/kernel.ts';
import { rope, ropeAngles } from '../../kernels/rope/kernel.ts';
import { scatterRows } from '../../kernels/scatter-rows/kernel.ts';
import type { Weight } from '../../kernels/shared/weights.ts';
import { swiglu } from '../../kernels/swiglu/kernel.ts';
import type { LlamaConfig } from './config.ts';
import type { RowLayout } from './layout.ts';
import type { LoraAdapter, Projection } from './lora.ts';
import type { DecoderWeights } from './weights.ts';

/** Keys and values of one layer, f32 [keys, kvHeads · headDim]. */
export interface KeyValues {
  readonly k: Tensor;
  readonly v: Tensor;
}

/** What the fused head says about each token: f32 [tokens], and u32 [tokens] for `topIds`. */
export interface TokenTensors {
  readonly logps: Tensor;
  readonly entropy: Tensor;
  readonly top1: Tensor;
  readonly topIds: Tensor;
  /** log Σ p² over the vocabulary: the logarithm of the chance that two draws agree. */
  readonly logCollision: Tensor;
  /** Logits of the targets: with `logps` they give the log-sum-exp that the backward pass needs. */
  readonly targetLogits: Tensor;
}

/** How far two models' next-token distributions are apart, per token: exact over the vocabulary, in nats. */
export interface DivergenceTensors {
  /** KL(policy ‖ reference), f32 [tokens]. */
  readonly klToReference: Tensor;
  /** KL(reference ‖ policy), f32 [tokens]. */
  readonly klFromReference: Tensor;
  /** Both models' hidden states before the head, f32 [2, tokens, hidden], and their log-sum-exps, f32 [2, tokens]. */
  readonly hidden: Tensor;
  readonly lse: Tensor;
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
  /** Called before each layer with its input. */
  readonly onLayer?: (stream: Tensor) => void;
}

/** Tensors that every layer of one pass reuses. */
export interface Workspace {
  readonly rowCount: RowCount;
  readonly adapter?: LoraAdapter;
  /** x Aᵀ of each product that the adapter acts on. */
  readonly low: Readonly<Partial<Record<Projection, Tensor>>>;
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
  #angles: Tensor | undefined;

  constructor(
    readonly gpu: Gpu,
    readonly config: LlamaConfig,
    readonly weights: DecoderWeights,
    /** Holds the weights and the table of angles. */
    readonly scope: Scope,
  ) {}

  /** Compiles every kernel this model uses, with and without an adapter. */
  async prepare(): Promise<void> {
    const { embedding: table, head, layers } = this.weights;
    const kernels = new Map<string, readonly [KernelSpec, Readonly<Record<string, number>>]>();
    const add = (kernel: KernelSpec, constants = {}) =>
      kernels.set(kernel.name + JSON.stringify(constants), [kernel, constants]);
    for (const kernel of [scatterRows, gatherRows, rmsNorm, rope, swiglu, headLogprobCombine]) add(kernel);
    for (const kernel of [attention, attentionFewRows]) add(kernel);
    for (const kernel of [linear.f32, linearFewRows.f32, loraUp]) add(kernel);
    add(embedding[table.format]);
    add(headLogprobTiles[head.format]);
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
    const { cache, adapter, onLayer } = options;
    const work = this.gpu.scope('decoder forward');
    const stream = this.#embed(work, rows);
    const workspace = this.workspace(work, rows, rowCount, adapter);
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

  /** Log-probability, entropy and largest probability per row of `hidden`, without ever holding the logits. */
  tokenLogprobs(scope: Scope, hidden: Tensor, targetIds: Uint32Array): TokenTensors {
    const tokens = targetIds.length;
    const { head } = this.weights;
    const work = this.gpu.scope('head log-probability');
    const parts = headParts(head.out);
    const targets = work.upload('u32', [tokens], targetIds, 'targets');
    const partials = work.tensor('f32', [parts, tokens, 4], 'partials');
    const partial_top = work.tensor('u32', [parts, tokens], 'partial top');
    const target_logits = scope.tensor('f32', [tokens], 'target logits');
    this.gpu.run(headLogprobTiles[head.format], {
      x: hidden,
      weights: head.tensor,
      targets,
      partials,
      partial_top,
      target_logits,
    });
    const logps = scope.tensor('f32', [tokens], 'logps');
    const entropy = scope.tensor('f32', [tokens], 'entropy');
    const top1 = scope.tensor('f32', [tokens], 'top1');
    const topIds = scope.tensor('u32', [tokens], 'top ids');
    const logCollision = scope.tensor('f32', [tokens], 'log collision');
    this.gpu.run(headLogprobCombine, {
      partials,
      partial_top,
      target_logits,
      logps,
      entropy,
      top1,
      top_id: topIds,
      log_collision: logCollision,
    });
    work.dispose();
    return { logps, entropy, top1, topIds, logCollision, targetLogits: target_logits };
  }

  /** Compiles what `divergence` runs, which few uses of the model need. */
  prepareDivergence(): Promise<void> {
    const { head } = this.weights;
    return this.gpu.prepare([headDivergenceTiles[head.format], headDivergenceCombine] as KernelSpec[]);
  }

  /**
   * Divergence of the policy's next-token distributions from the reference's, without ever holding the logits.
   * @param policy hidden states before the head, f32 [tokens, hidden], and `reference` those of the same tokens.
   */
  divergence(scope: Scope, policy: Tensor, reference: Tensor): DivergenceTensors {
    const { head } = this.weights;
    const tokens = policy.rows;
    const hidden = scope.tensor('f32', [2, tokens, policy.cols], 'hidden of both models');
    this.gpu.copy(policy, hidden);
    this.gpu.copy(reference, hidden, { toIndex: policy.size });
    const klToReference = scope.tensor('f32', [tokens], 'KL to the reference');
    const klFromReference = scope.tensor('f32', [tokens], 'KL from the reference');
    const lse = scope.tensor('f32', [2, tokens], 'log-sum-exps');
    const work = this.gpu.scope('head divergence');
    const partials = work.tensor('f32', [headParts(head.out), tokens, 2, 4], 'divergence partials');
    this.gpu.run(headDivergenceTiles[head.format], { x: hidden, weights: head.tensor, partials });
    this.gpu.run(headDivergenceCombine, {
      partials,
      kl_to_reference: klToReference,
      kl_from_reference: klFromReference,
      lse,
    });
    work.dispose();
    return { klToReference, klFromReference, hidden, lse };
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
  workspace(scope: Scope, rows: RowLayout, rowCount: RowCount, adapter?: LoraAdapter): Workspace {
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

  /** x Aᵀ of an adapted product, into `work.low`. */
  lower(layer: number, projection: Projection, x: Tensor, work: Workspace): void {
    const tensor = work.adapter!.group(layer, projection)!.a;
    const a: Weight = { format: 'f32', tensor, out: tensor.rows, width: tensor.cols };
    this.#linear(a, x, work.low[projection]!, work.rowCount, 0);
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
