/** Puts inputs, contenders and measurement together for one case. */
import { evaluateF64 } from '../src/kernels/losses/evaluate.ts';
import {
  type AttentionCase,
  type Case,
  flops,
  type HeadCase,
  type HeadGradientCase,
  type LinearCase,
  type LossCase,
  steps,
  type TrainingCase,
  title,
  tokens,
} from './cases.ts';
import type { Contender, Entry, Surroundings } from './contender.ts';
import { jaxHead, jaxLinear } from './contenders/jax.ts';
import { jaxAttention, jaxHeadGradient } from './contenders/jax-gradients.ts';
import { jaxTraining } from './contenders/jax-training.ts';
import { logitsInJavaScript, marginHead, marginLinear, marginLoss, marginLossDispatch } from './contenders/margin.ts';
import { marginAttention, marginHeadGradient } from './contenders/margin-gradients.ts';
import { marginTraining } from './contenders/margin-training.ts';
import { ortLinear } from './contenders/ort.ts';
import { tfjsHead, tfjsLinear } from './contenders/tfjs.ts';
import { headExpected, headInputs, linearExpected, linearInputs, lossRequest } from './inputs.ts';
import { type ContenderResult, HARDWARE_EFFORT, measure, SOFTWARE_EFFORT } from './measure.ts';
import {
  attentionExpected,
  attentionInputs,
  headGradientExpected,
  headGradientInputs,
  trainingInputs,
} from './training-inputs.ts';

export interface CaseResult {
  readonly title: string;
  readonly flops: number;
  /** Tokens of one run where they are what counts, else 0. */
  readonly tokens: number;
  /** Training steps over which losses and gradient norms are compared, else 0. */
  readonly steps: number;
  readonly contenders: readonly ContenderResult[];
}

const MARGIN = 'Margin';
const JAX = 'jax-js 0.1.25';
const TFJS = 'tfjs-webgpu 4.22.0';
const ORT = 'onnxruntime-web 1.30.0';

export async function runCase(item: Case, { gpu, ortPath }: Surroundings): Promise<CaseResult> {
  const { entries, expected, tolerance } = setUp(item, { gpu, ortPath });
  const checked = entries.map(({ name, build }) => ({
    name,
    settle: () => gpu.pool.trim(),
    build: async () => (expected ? firstOnly(await build(), expected) : build()),
  }));
  const effort = gpu.facts.isFallback ? SOFTWARE_EFFORT : HARDWARE_EFFORT;
  const contenders = await measure(checked, expected, tolerance, effort);
  return { title: title(item), flops: flops(item), tokens: tokens(item), steps: steps(item), contenders };
}

/** The reference has the first rows only: compare as many values as it has. */
function firstOnly(contender: Contender, expected: ArrayLike<number>): Contender {
  return {
    ...contender,
    result: async () => Array.prototype.slice.call(await contender.result(), 0, expected.length) as number[],
  };
}

interface SetUp {
  readonly entries: readonly Entry[];
  /** Absent where no float64 reference is feasible: then the others are compared with the first entry. */
  readonly expected?: ArrayLike<number>;
  readonly tolerance: number;
}

function setUp(item: Case, surroundings: Surroundings): SetUp {
  if (item.kind === 'head') return head(item, surroundings);
  if (item.kind === 'linear') return linear(item, surroundings);
  if (item.kind === 'headGradient') return headGradient(item, surroundings);
  if (item.kind === 'attention') return attention(item, surroundings);
  if (item.kind === 'training') return training(item, surroundings);
  return loss(item, surroundings);
}

function head(item: HeadCase, { gpu }: Surroundings): SetUp {
  const inputs = headInputs(item);
  return {
    expected: headExpected(item, inputs),
    tolerance: 1e-4,
    entries: [
      { name: `${MARGIN}, fused`, build: () => marginHead(gpu, item, inputs) },
      { name: 'logits read back, JavaScript', build: () => logitsInJavaScript(gpu, item, inputs) },
      { name: JAX, build: () => jaxHead(item, inputs) },
      { name: TFJS, build: () => tfjsHead(item, inputs) },
    ],
  };
}

function linear(item: LinearCase, { gpu, ortPath }: Surroundings): SetUp {
  const inputs = linearInputs(item);
  const ort = async () => {
    if (ortPath === undefined) throw new Error('onnxruntime-web has no WebGPU in Node');
    return ortLinear(gpu, ortPath, item, inputs);
  };
  return {
    expected: linearExpected(item, inputs),
    tolerance: 1e-4,
    entries: [
      { name: MARGIN, build: () => marginLinear(gpu, item, inputs) },
      { name: ORT, build: ort },
      { name: JAX, build: () => jaxLinear(item, inputs) },
      { name: TFJS, build: () => tfjsLinear(item, inputs) },
    ],
  };
}

function loss(item: LossCase, { gpu }: Surroundings): SetUp {
  const request = lossRequest(item.pairs);
  const losses = () => evaluateF64(request).pairs.map((pair) => pair.loss);
  let latest: number[] = [];
  return {
    expected: losses(),
    tolerance: 2e-5,
    entries: [
      { name: `${MARGIN}, upload to read-back`, build: () => marginLoss(gpu, request) },
      { name: `${MARGIN}, dispatch only`, build: () => marginLossDispatch(gpu, request) },
      {
        name: 'plain JavaScript, float64',
        build: async () => ({
          run: () => {
            latest = losses();
          },
          sync: async () => undefined,
          result: async () => latest,
          dispose: () => undefined,
        }),
      },
    ],
  };
}

function headGradient(item: HeadGradientCase, { gpu }: Surroundings): SetUp {
  const inputs = headGradientInputs(item);
  return {
    expected: headGradientExpected(item, inputs),
    tolerance: 2e-5,
    entries: [
      { name: MARGIN, build: () => marginHeadGradient(gpu, item, inputs) },
      { name: JAX, build: () => jaxHeadGradient(item, inputs) },
    ],
  };
}

function attention(item: AttentionCase, { gpu }: Surroundings): SetUp {
  const inputs = attentionInputs(item);
  return {
    expected: attentionExpected(item, inputs),
    tolerance: 1e-4,
    entries: [
      { name: MARGIN, build: () => marginAttention(gpu, item, inputs) },
      { name: JAX, build: () => jaxAttention(item, inputs) },
    ],
  };
}

function training(item: TrainingCase, { gpu }: Surroundings): SetUp {
  const inputs = trainingInputs(item);
  return {
    tolerance: 1e-3,
    entries: [
      { name: MARGIN, build: () => marginTraining(gpu, item, inputs) },
      { name: JAX, build: () => jaxTraining(item, inputs) },
    ],
  };
}
