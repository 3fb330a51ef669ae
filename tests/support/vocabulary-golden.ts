/** What `tests/golden/make_vocabulary_golden.py` writes, for the policy and the adapter of `lora-golden.ts` ("tied"). */
import type { Gpu } from '../../src/kernels/gpu/index.ts';
import { Safetensors } from '../../src/models/weights/safetensors.ts';
import { type LoraGoldenSetup, loadLoraGolden } from './lora-golden.ts';

type Sides<T> = readonly [chosen: T, rejected: T];

export interface VocabularyGoldenPair {
  readonly prompt_ids: number[];
  /** f32 [image tokens, hidden], base64: of the picture and of its noisy copy. */
  readonly visual: string;
  readonly noisy: string;
  readonly chosen_ids: number[];
  readonly rejected_ids: number[];
  readonly noisy_argmax_ids: number[];
  readonly wpo_weights: Sides<number>;
  /** Per token. */
  readonly kl_to_reference: Sides<number[]>;
  readonly kl_from_reference: Sides<number[]>;
  readonly log_collision: Sides<number[]>;
}

export interface VocabularyGolden {
  readonly image_token_id: number;
  readonly hyperparameters: Readonly<Record<string, Record<string, number>>>;
  readonly losses: Readonly<Record<string, number>>;
  readonly pairs: VocabularyGoldenPair[];
}

export interface VocabularySetup extends Pick<LoraGoldenSetup, 'policy' | 'adapter' | 'gradients'> {
  readonly golden: VocabularyGolden;
}

const fetchFile = async (name: string): Promise<Response> => {
  const response = await fetch(new URL(`../golden/vocabulary/${name}`, import.meta.url));
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response;
};

/** Gradients by name, with the prefix of the loss: "tdpo1." and so on. */
export async function loadVocabularyGolden(gpu: Gpu): Promise<VocabularySetup> {
  const { policy, adapter } = await loadLoraGolden(gpu, 'tied');
  const golden = (await (await fetchFile('golden.json')).json()) as VocabularyGolden;
  const file = Safetensors.parse(await (await fetchFile('gradients.safetensors')).arrayBuffer(), 'gradients');
  const gradients = new Map(
    file.names.map((name) => [name, new Float32Array(file.get(name).bytes.slice().buffer)] as const),
  );
  return { policy, adapter, golden, gradients };
}
