/** What `tests/golden/make_dropout_golden.py` writes, beside the policy and adapter of `lora-golden.ts`. */
import type { Gpu } from '../../src/kernels/gpu/index.ts';
import { Safetensors } from '../../src/models/weights/safetensors.ts';
import { type LoraGoldenSetup, loadLoraGolden } from './lora-golden.ts';

export interface DropoutGolden {
  readonly p: number;
  readonly seed: number;
  readonly step: number;
  readonly micro_batch: number;
  /** Rows of the decoder. */
  readonly rows: number;
  /** Bits, base64: layer by layer and product by product [rows, slices, width]. */
  readonly masks: string;
  readonly loss: number;
  /** Per pair: chosen, rejected. */
  readonly logps: number[][][];
}

export interface DropoutGoldenSetup extends LoraGoldenSetup {
  readonly dropout: DropoutGolden;
  /** Of DPO, by the names of the matrices. */
  readonly dropoutGradients: ReadonlyMap<string, Float32Array>;
  /** 1 for what is kept, 0 for what is dropped. */
  readonly masks: Uint8Array;
}

const golden = (file: string) => fetch(new URL(`../golden/lora/${file}`, import.meta.url));

/** The adapter has dropout; everything else is as `loadLoraGolden` gives it. */
export async function loadDropoutGolden(gpu: Gpu, name: 'tied' | 'untied'): Promise<DropoutGoldenSetup> {
  const setup = await loadLoraGolden(gpu, name);
  const dropout = (await (await golden(`dropout-${name}.json`)).json()) as DropoutGolden;
  const file = Safetensors.parse(await (await golden(`dropout-${name}.safetensors`)).arrayBuffer(), 'gradients');
  const adapter = setup.policy.createAdapter({ ...setup.golden.lora, dropout: dropout.p });
  adapter.write(await setup.adapter.read());
  setup.adapter.dispose();
  await setup.policy.prepareTraining({ dropout: true });
  const bytes = Uint8Array.from(atob(dropout.masks), (character) => character.charCodeAt(0));
  return {
    ...setup,
    adapter,
    dropout,
    dropoutGradients: new Map(
      file.names.map((each) => [each, new Float32Array(file.get(each).bytes.slice().buffer)] as const),
    ),
    masks: Uint8Array.from({ length: 8 * bytes.length }, (_, i) => (bytes[i >> 3] >> (7 - (i & 7))) & 1),
  };
}
