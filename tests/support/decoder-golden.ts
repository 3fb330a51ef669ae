import type { Gpu, Scope, Tensor } from '../../src/kernels/gpu/index.ts';
import { parseLlamaConfig } from '../../src/models/policy/config.ts';
import type { SequenceInput } from '../../src/models/policy/layout.ts';
import { Policy } from '../../src/models/policy/policy.ts';
import { Safetensors } from '../../src/models/weights/safetensors.ts';

/** One sequence and what Hugging Face transformers computes for it in float64. */
export interface GoldenCase {
  readonly input_ids: number[];
  readonly answer_ids: number[];
  /** f32 [image tokens, hidden], base64. */
  readonly visual: string;
  readonly logps: number[];
  readonly logp_sum: number;
  readonly entropy: number[];
  readonly top1: number[];
  readonly top_ids: number[];
  /** The first tokens of greedy decoding after the prompt. */
  readonly greedy: number[];
}

export interface Golden {
  readonly config: unknown;
  readonly image_token_id: number;
  readonly cases: GoldenCase[];
}

async function fetchGolden(file: string): Promise<Response> {
  const response = await fetch(new URL(`../golden/${file}`, import.meta.url));
  if (!response.ok) throw new Error(`tests/golden/${file}: ${response.status}`);
  return response;
}

/** A random decoder made by `tests/golden/make_decoder_golden.py`: `tied` (f16) or `untied` (bf16). */
export async function loadGolden(gpu: Gpu, name: 'tied' | 'untied'): Promise<{ golden: Golden; policy: Policy }> {
  const golden = (await (await fetchGolden(`decoder-${name}.json`)).json()) as Golden;
  const policy = await Policy.load(gpu, parseLlamaConfig(golden.config), await loadGoldenWeights(name));
  return { golden, policy };
}

export async function loadGoldenWeights(name: 'tied' | 'untied'): Promise<Safetensors> {
  const file = `decoder-${name}.safetensors`;
  return Safetensors.parse(await (await fetchGolden(file)).arrayBuffer(), file);
}

/** f32 values of base64 text. */
export function decodeFloats(base64: string): Float32Array {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

/** Visual tokens of a case on the GPU. */
export function uploadVisual(scope: Scope, base64: string, hidden: number): Tensor {
  const values = decodeFloats(base64);
  return scope.upload('f32', [values.length / hidden, hidden], values, 'visual tokens');
}

/** A golden case as the policy takes it. */
export function sequenceOf(scope: Scope, golden: Golden, goldenCase: GoldenCase, hidden: number): SequenceInput {
  return {
    promptIds: goldenCase.input_ids,
    responseIds: goldenCase.answer_ids,
    visual: uploadVisual(scope, goldenCase.visual, hidden),
    imageTokenId: golden.image_token_id,
  };
}
