/** Margin's own kernels, through the launcher, as the app runs them. */
import type { EvaluateRequest } from '../../src/engine/engine.ts';
import type { Gpu } from '../../src/kernels/gpu/index.ts';
import { headLogprobCombine, headLogprobTiles, headParts } from '../../src/kernels/head-logprob/kernel.ts';
import { linear } from '../../src/kernels/linear/kernel.ts';
import { linearFewRows } from '../../src/kernels/linear-few-rows/kernel.ts';
import { prepareBatch } from '../../src/kernels/losses/evaluate.ts';
import { packPairs } from '../../src/kernels/preference-loss/evaluate.ts';
import { evaluateOnGpu, preferenceLoss } from '../../src/kernels/preference-loss/index.ts';
import {
  PAIR_FLOATS,
  PAIRS_PER_GROUP,
  PARTIAL_COLUMNS,
  RESULT_FLOATS,
} from '../../src/kernels/preference-loss/kernel.ts';
import type { HeadCase, LinearCase } from '../cases.ts';
import type { Contender } from '../contender.ts';
import type { HeadInputs, LinearInputs } from '../inputs.ts';

export async function marginHead(gpu: Gpu, item: HeadCase, inputs: HeadInputs): Promise<Contender> {
  const { tokens, width, vocab } = item;
  const scope = gpu.scope('bench head');
  const parts = headParts(vocab);
  const x = scope.upload('f32', [tokens, width], inputs.hidden, 'hidden');
  const weights = scope.upload('f32', [vocab, width], inputs.weights, 'weights');
  const targets = scope.upload('u32', [tokens], inputs.targets, 'targets');
  const partials = scope.tensor('f32', [parts, tokens, 4], 'partials');
  const partialTop = scope.tensor('u32', [parts, tokens], 'partial_top');
  const row = (label: string) => scope.tensor('f32', [tokens], label);
  const [targetLogits, logps, entropy, top1, logCollision] = [
    'target_logits',
    'logps',
    'entropy',
    'top1',
    'log_collision',
  ].map(row);
  const topId = scope.tensor('u32', [tokens], 'top_id');
  await gpu.prepare([headLogprobTiles.f32, headLogprobCombine]);
  return {
    run() {
      const shared = { partials, partial_top: partialTop, target_logits: targetLogits! };
      gpu.run(headLogprobTiles.f32, { x, weights, targets, ...shared }, { vocab });
      gpu.run(headLogprobCombine, {
        ...shared,
        logps: logps!,
        entropy: entropy!,
        top1: top1!,
        top_id: topId,
        log_collision: logCollision!,
      });
    },
    sync: () => gpu.idle(),
    result: () => gpu.read(logps!),
    dispose: () => release(gpu, scope),
    // The largest buffers that grow with the tokens: 16 bytes per part, and the hidden states.
    largestTokens: Math.floor(gpu.device.limits.maxStorageBufferBindingSize / Math.max(16 * parts, 4 * width)),
  };
}

/** The usual way without a fused kernel: all logits come back, JavaScript does the log-softmax. */
export async function logitsInJavaScript(gpu: Gpu, item: HeadCase, inputs: HeadInputs): Promise<Contender> {
  const { tokens, width, vocab } = item;
  const scope = gpu.scope('bench logits');
  const x = scope.upload('f32', [tokens, width], inputs.hidden, 'hidden');
  const weights = scope.upload('f32', [vocab, width], inputs.weights, 'weights');
  const y = scope.tensor('f32', [tokens, vocab], 'logits');
  await gpu.prepare([linear.f32]);
  const logps = new Float64Array(tokens);
  return {
    async run() {
      gpu.run(linear.f32, { x, weights, y });
      const logits = await gpu.read(y);
      for (let token = 0; token < tokens; token++) {
        const row = logits.subarray(token * vocab, (token + 1) * vocab);
        let max = Number.NEGATIVE_INFINITY;
        for (let i = 0; i < vocab; i++) if (row[i]! > max) max = row[i]!;
        let sum = 0;
        for (let i = 0; i < vocab; i++) sum += Math.exp(row[i]! - max);
        logps[token] = row[inputs.targets[token]!]! - max - Math.log(sum);
      }
    },
    sync: async () => undefined,
    result: async () => logps,
    dispose: () => release(gpu, scope),
    largestTokens: Math.floor(gpu.device.limits.maxStorageBufferBindingSize / (4 * vocab)),
  };
}

export async function marginLinear(gpu: Gpu, item: LinearCase, inputs: LinearInputs): Promise<Contender> {
  const { rows, width, out, few } = item;
  const scope = gpu.scope('bench linear');
  const x = scope.upload('f32', [rows, width], inputs.x, 'x');
  const weights = scope.upload('f32', [out, width], inputs.weights, 'weights');
  const y = scope.tensor('f32', [rows, out], 'y');
  const kernel = (few ? linearFewRows : linear).f32;
  await gpu.prepare([kernel]);
  return {
    run: () => gpu.run(kernel, { x, weights, y }),
    sync: () => gpu.idle(),
    result: () => gpu.read(y),
    dispose: () => release(gpu, scope),
  };
}

/** As the page calls it: rows go up, everything comes back. */
export async function marginLoss(gpu: Gpu, request: EvaluateRequest): Promise<Contender> {
  let losses: number[] = [];
  return {
    async run() {
      losses = (await evaluateOnGpu(gpu, request)).pairs.map((pair) => pair.loss);
    },
    sync: async () => undefined,
    result: async () => losses,
    dispose: () => gpu.pool.trim(),
  };
}

/** As training calls it: the numbers are on the GPU and stay there. */
export async function marginLossDispatch(gpu: Gpu, request: EvaluateRequest): Promise<Contender> {
  const { objective, values, pairs, nllWeight, chosenTokens, constant } = prepareBatch(request);
  const kernel = preferenceLoss(objective);
  await gpu.prepare([kernel]);
  const scope = gpu.scope('bench loss');
  const groups = Math.ceil(pairs.length / PAIRS_PER_GROUP);
  const tensors = {
    rows: scope.upload('f32', [pairs.length, PAIR_FLOATS], packPairs(objective, pairs), 'pairs'),
    results: scope.tensor('f32', [pairs.length, RESULT_FLOATS], 'results'),
    batch_gradients: scope.tensor('f32', [pairs.length, 2], 'gradients'),
    partials: scope.tensor('f32', [groups, PARTIAL_COLUMNS.length], 'partials'),
  };
  const params = { ...values, nll_weight: nllWeight, chosen_tokens: chosenTokens, constant };
  return {
    run: () => gpu.run(kernel, tensors, params),
    sync: () => gpu.idle(),
    async result() {
      const results = await gpu.read(tensors.results);
      return pairs.map((_, i) => results[i * RESULT_FLOATS]!);
    },
    dispose: () => release(gpu, scope),
  };
}

export function release(gpu: Gpu, scope: { dispose(): void }): void {
  scope.dispose();
  gpu.pool.trim();
}
