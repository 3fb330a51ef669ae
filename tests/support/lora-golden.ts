/** What `tests/golden/make_lora_golden.py` writes, and a policy with its adapter. */
import type { Gpu, Scope } from '../../src/kernels/gpu/index.ts';
import { parseLlamaConfig } from '../../src/models/policy/config.ts';
import type { LoraAdapter, LoraConfig } from '../../src/models/policy/index.ts';
import type { SequenceInput } from '../../src/models/policy/layout.ts';
import { Policy } from '../../src/models/policy/policy.ts';
import { Safetensors } from '../../src/models/weights/safetensors.ts';
import { uploadVisual } from './decoder-golden.ts';

export type LoraGoldenName = 'tied' | 'untied' | 'toybox-vlm';

export interface LoraGoldenPair {
  readonly prompt_ids: number[];
  /** f32 [image tokens, hidden], base64. */
  readonly visual: string | null;
  readonly chosen_ids: number[];
  readonly rejected_ids: number[];
  readonly chosen_logps: number[];
  readonly rejected_logps: number[];
  readonly ref_chosen_logps: number[];
  readonly ref_rejected_logps: number[];
}

export interface LoraGolden {
  readonly weights_sha256: string;
  readonly image_token_id: number;
  readonly lora: Omit<LoraConfig, 'seed'>;
  readonly dpo: Record<string, number>;
  readonly simpo: Record<string, number>;
  readonly losses: { readonly dpo: number; readonly simpo: number };
  readonly pairs: LoraGoldenPair[];
}

export interface LoraGoldenSetup {
  readonly golden: LoraGolden;
  readonly policy: Policy;
  readonly adapter: LoraAdapter;
  /** By name, with the prefix "dpo." or "simpo.". */
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

async function load(path: string): Promise<ArrayBuffer> {
  const response = await fetch(new URL(`../../${path}`, import.meta.url));
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.arrayBuffer();
}

async function loadJson(path: string): Promise<unknown> {
  return JSON.parse(new TextDecoder().decode(await load(path)));
}

/** f32 tensors of a file, by name. */
function floats(file: Safetensors): Map<string, Float32Array> {
  return new Map(
    file.names.map((name) => {
      const { bytes } = file.get(name);
      return [name, new Float32Array(bytes.slice().buffer)];
    }),
  );
}

/** @throws when the stored numbers belong to other weights. */
export async function loadLoraGolden(gpu: Gpu, name: LoraGoldenName): Promise<LoraGoldenSetup> {
  const golden = (await loadJson(`tests/golden/lora/${name}.json`)) as LoraGolden;
  const bundled = name === 'toybox-vlm';
  const weights = await load(
    bundled ? 'models/toybox-vlm/model.safetensors' : `tests/golden/decoder-${name}.safetensors`,
  );
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', weights));
  const hex = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  if (hex !== golden.weights_sha256) {
    throw new Error(`${name} has other weights than its golden: run tests/golden/make_lora_golden.py`);
  }
  const config = bundled
    ? await loadJson('models/toybox-vlm/config.json')
    : ((await loadJson(`tests/golden/decoder-${name}.json`)) as { config: unknown }).config;
  const policy = await Policy.load(gpu, parseLlamaConfig(config), Safetensors.parse(weights, 'model.safetensors'));
  await policy.prepareTraining();
  const tensors = floats(Safetensors.parse(await load(`tests/golden/lora/${name}.safetensors`), 'adapter'));
  const adapter = policy.createAdapter(golden.lora);
  adapter.write(tensors);
  return { golden, policy, adapter, gradients: tensors };
}

/** Chosen and rejected of each pair, in turn; those of a pair share their prompt. */
export function pairSequences(scope: Scope, { golden, policy }: LoraGoldenSetup): SequenceInput[] {
  return golden.pairs.flatMap((pair) => {
    const prompt = {
      promptIds: pair.prompt_ids,
      ...(pair.visual && {
        visual: uploadVisual(scope, pair.visual, policy.config.hiddenSize),
        imageTokenId: golden.image_token_id,
      }),
    };
    return [
      { ...prompt, responseIds: pair.chosen_ids },
      { ...prompt, responseIds: pair.rejected_ids },
    ];
  });
}
