import { expect } from '@esm-bundle/chai';
import type { Scope } from '../../src/kernels/gpu/index.ts';
import { baseModel } from '../../src/models/model-json.ts';
import { parseLlamaConfig } from '../../src/models/policy/config.ts';
import { type BaseModel, exportPeft, importPeft, LoraAdapter, matricesFor } from '../../src/models/policy/index.ts';
import type { SequenceInput } from '../../src/models/policy/layout.ts';
import { Policy } from '../../src/models/policy/policy.ts';
import { Safetensors } from '../../src/models/weights/safetensors.ts';
import { unzip } from '../../src/zip.ts';
import { golden, type VlmGolden } from '../support/bundled.ts';
import { uploadVisual } from '../support/decoder-golden.ts';
import { sharedGpu } from '../support/shared-gpu.ts';
import { expectClose } from '../support/tolerance.ts';

/** What `tests/golden/make_peft_golden.py` writes: PEFT in float32, with the adapter of `make_peft_adapter.ts`. */
interface PeftGolden {
  readonly model_sha256: string;
  /** Of the files of the folder that PEFT read. */
  readonly files_sha256: Readonly<Record<string, string>>;
  /** The answer of one case, given the picture and prompt of another or its own. */
  readonly answers: readonly { readonly picture: number; readonly answer: number; readonly logps: readonly number[] }[];
}

/** Two orders of summation in f32, through every layer. */
const GOLDEN = { atol: 1e-3, rtol: 0 };

const bytesOf = async (path: string): Promise<Uint8Array<ArrayBuffer>> => {
  const response = await fetch(new URL(`../../${path}`, import.meta.url));
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
};

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes.slice()));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

describe('an adapter trained here and read by PEFT', () => {
  let stored: PeftGolden;
  let archive: Uint8Array;
  let policy: Policy;
  let adapter: LoraAdapter;
  let scope: Scope;
  let sequences: SequenceInput[];
  let base: BaseModel;

  before(async () => {
    const gpu = await sharedGpu();
    stored = await golden<PeftGolden>('peft/golden.json');
    archive = await bytesOf('tests/golden/peft/adapter.zip');
    const weights = await bytesOf('models/toybox-vlm/model.safetensors');
    if ((await sha256(weights)) !== stored.model_sha256)
      throw new Error('The bundled model has other weights: run make_peft_adapter.ts and make_peft_golden.py.');
    const configJson = JSON.parse(new TextDecoder().decode(await bytesOf('models/toybox-vlm/config.json')));
    const config = parseLlamaConfig(configJson);
    base = baseModel({ type: 'bundled', path: 'toybox-vlm' }, configJson);
    policy = await Policy.load(gpu, config, Safetensors.parse(weights.buffer, 'model.safetensors'));
    scope = gpu.scope('test');
    const { cases } = await golden<VlmGolden>('vlm/golden.json');
    const pictured = cases.filter(({ image_features }) => image_features !== undefined);
    const visuals = pictured.map(({ image_features }) => uploadVisual(scope, image_features!, config.hiddenSize));
    sequences = stored.answers.map(({ picture, answer }) => ({
      promptIds: pictured[picture].input_ids,
      visual: visuals[picture],
      imageTokenId: configJson.image_token_id,
      responseIds: pictured[answer].answer_ids,
    }));

    const peft = await importPeft(archive);
    adapter = new LoraAdapter(gpu, policy.planLora({ ...peft.lora, seed: 0 }));
    adapter.write(matricesFor(adapter.plan, peft));
  });
  after(() => {
    scope.dispose();
    adapter.dispose();
    policy.dispose();
  });

  it('gives the log-probabilities that PEFT computes from it', async () => {
    const scores = await policy.scoreMany(sequences, { adapter });
    const without = await policy.scoreMany(sequences);
    let moved = 0;
    stored.answers.forEach(({ logps }, i) => {
      expectClose(scores[i].logps, logps, GOLDEN, `answer ${i}`);
      moved = Math.max(moved, ...logps.map((logp, t) => Math.abs(logp - without[i].logps[t])));
    });
    expect(moved, 'an adapter that does something').to.be.greaterThan(0.1);
  });

  it('is exported again as the very bytes that PEFT read', async () => {
    const files = await unzip(new Blob([await exportPeft(adapter.plan, await adapter.read(), base)]));
    const hashes: Record<string, string> = {};
    for (const [name, bytes] of files) hashes[name] = await sha256(bytes);
    const why =
      'The export has changed: run make_peft_adapter.ts and make_peft_golden.py, so that PEFT reads the new one.';
    expect(hashes, why).to.deep.equal(stored.files_sha256);
  });
});
