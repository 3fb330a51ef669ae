/** Margin's backward kernels with the forward ones they need, in the order in which training runs them. */
import {
  attention,
  attentionBackwardKey,
  attentionBackwardQuery,
  attentionBackwardStats,
  seenBy,
} from '../../src/kernels/attention/kernel.ts';
import type { Gpu } from '../../src/kernels/gpu/index.ts';
import {
  headLogprobBackward,
  headLogprobCombine,
  headLogprobTiles,
  headParts,
  headSlab,
} from '../../src/kernels/head-logprob/kernel.ts';
import { linearBackward } from '../../src/kernels/linear/kernel.ts';
import type { AttentionCase, HeadGradientCase } from '../cases.ts';
import type { Contender } from '../contender.ts';
import { type AttentionInputs, attentionValues, type HeadGradientInputs } from '../training-inputs.ts';
import { release } from './margin.ts';

export async function marginHeadGradient(
  gpu: Gpu,
  { tokens, width, vocab }: HeadGradientCase,
  inputs: HeadGradientInputs,
): Promise<Contender> {
  const scope = gpu.scope('bench head gradient');
  const parts = headParts(vocab);
  const slab = headSlab(vocab);
  const x = scope.upload('f32', [tokens, width], inputs.hidden, 'hidden');
  const weights = scope.upload('f32', [vocab, width], inputs.weights, 'weights');
  const targets = scope.upload('u32', [tokens], inputs.targets, 'targets');
  const d_logps = scope.upload('f32', [tokens], inputs.dLogps, 'd(logps)');
  const partials = scope.tensor('f32', [parts, tokens, 4], 'partials');
  const partial_top = scope.tensor('u32', [parts, tokens], 'partial top');
  const row = (label: string) => scope.tensor('f32', [tokens], label);
  const [target_logits, logps, entropy, top1, log_collision] = [
    'target logits',
    'logps',
    'entropy',
    'top1',
    'log collision',
  ].map(row);
  const top_id = scope.tensor('u32', [tokens], 'top id');
  const d_logits = scope.tensor('f32', [tokens, slab], 'd(logits)');
  const dx = scope.tensor('f32', [tokens, width], 'd(hidden)');
  await gpu.prepare([
    headLogprobTiles.f32,
    headLogprobCombine,
    headLogprobBackward.f32,
    linearBackward.f32,
    [linearBackward.f32, { ACCUMULATE: 1 }],
  ]);
  return {
    run() {
      gpu.run(headLogprobTiles.f32, { x, weights, targets, partials, partial_top, target_logits });
      gpu.run(headLogprobCombine, {
        partials,
        partial_top,
        target_logits,
        logps,
        entropy,
        top1,
        top_id,
        log_collision,
      });
      for (let first = 0; first < vocab; first += slab) {
        gpu.run(headLogprobBackward.f32, { x, weights, targets, target_logits, logps, d_logps, d_logits }, { first });
        gpu.run(linearBackward.f32, { dy: d_logits, weights, dx }, { first }, { ACCUMULATE: first === 0 ? 0 : 1 });
      }
    },
    sync: () => gpu.idle(),
    result: () => gpu.read(dx),
    dispose: () => release(gpu, scope),
    largestTokens: Math.floor(
      gpu.device.limits.maxStorageBufferBindingSize / Math.max(16 * parts, 4 * slab, 4 * width),
    ),
  };
}

export async function marginAttention(
  gpu: Gpu,
  { tokens, heads, kvHeads: kv_heads, headDim: head_dim }: AttentionCase,
  inputs: AttentionInputs,
): Promise<Contender> {
  const scope = gpu.scope('bench attention');
  const [width, keyWidth] = [heads * head_dim, kv_heads * head_dim];
  const causal = Uint32Array.from({ length: tokens * 4 }, (_, i) => (i % 4 === 3 ? (i >> 2) + 1 : 0));
  const q = scope.upload('f32', [tokens, width], inputs.q, 'q');
  const k = scope.upload('f32', [tokens, keyWidth], inputs.k, 'k');
  const v = scope.upload('f32', [tokens, keyWidth], inputs.v, 'v');
  const dy = scope.upload('f32', [tokens, width], inputs.dy, 'd(y)');
  const spans = scope.upload('u32', [tokens, 4], causal, 'spans');
  const seen_by = scope.upload('u32', [tokens, 2], seenBy(causal, tokens), 'seen by');
  const y = scope.tensor('f32', [tokens, width], 'y');
  const lse = scope.tensor('f32', [tokens, heads], 'lse');
  const stats = scope.tensor('f32', [tokens, heads, 2], 'stats');
  const dq = scope.tensor('f32', [tokens, width], 'd(q)');
  const d_kv = scope.tensor('f32', [tokens, 2 * keyWidth], 'd(k), d(v)');
  await gpu.prepare([attention, attentionBackwardStats, attentionBackwardQuery, attentionBackwardKey]);
  return {
    run() {
      gpu.run(attention, { q, k, v, spans, y, lse }, { kv_heads, head_dim });
      gpu.run(attentionBackwardStats, { y, dy, lse, stats }, { head_dim });
      gpu.run(attentionBackwardQuery, { q, k, v, spans, stats, dy, dq }, { kv_heads, head_dim });
      gpu.run(attentionBackwardKey, { q, k, v, spans, seen_by, stats, dy, d_kv }, { heads, kv_heads, head_dim });
    },
    sync: () => gpu.idle(),
    async result() {
      const [outputs, queries, both] = await gpu.readAll([y, dq, d_kv]);
      // A row of d_kv is dk, then dv.
      const half = (second: 0 | 1) =>
        Float32Array.from({ length: tokens * keyWidth }, (_, i) => {
          const row = Math.floor(i / keyWidth);
          return both![(2 * row + second) * keyWidth + (i % keyWidth)]!;
        });
      return attentionValues(inputs, [outputs!, queries!, half(0), half(1)]);
    },
    dispose: () => release(gpu, scope),
  };
}
