import { expect } from '@esm-bundle/chai';
import { InputError } from '../../src/errors.ts';
import type { Scope } from '../../src/kernels/gpu/index.ts';
import { parseLlamaConfig } from '../../src/models/policy/config.ts';
import { importPeft, LoraAdapter, matricesFor, type PeftAdapter } from '../../src/models/policy/index.ts';
import type { SequenceInput } from '../../src/models/policy/layout.ts';
import { Policy } from '../../src/models/policy/policy.ts';
import { Safetensors } from '../../src/models/weights/safetensors.ts';
import { golden } from '../support/bundled.ts';
import { uploadVisual } from '../support/decoder-golden.ts';
import { sharedGpu } from '../support/shared-gpu.ts';
import { expectClose } from '../support/tolerance.ts';

interface Measured {
  /** Log-probabilities of the answer's tokens as PEFT gives them. */
  readonly whole: readonly number[];
  /** The same with every module outside the decoder's layers switched off; absent where there is none. */
  readonly decoder?: readonly number[];
}

/** What `tests/golden/make_peft_variants.py` writes. */
interface VariantsGolden {
  readonly model_sha256: string;
  readonly input_ids: readonly number[];
  readonly answer_ids: readonly number[];
  readonly image_features: string;
  readonly base: readonly number[];
  readonly variants: Readonly<Record<string, Measured>>;
  readonly cases: Readonly<Record<string, Measured>>;
}

/** Two orders of summation in f32, through every layer. */
const GOLDEN = { atol: 1e-3, rtol: 0 };

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const bytesOf = async (path: string): Promise<Uint8Array<ArrayBuffer>> => {
  const response = await fetch(new URL(`../../${path}`, import.meta.url));
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
};

describe('adapters that PEFT wrote', () => {
  let stored: VariantsGolden;
  let policy: Policy;
  let scope: Scope;
  let sequence: SequenceInput;

  before(async () => {
    const gpu = await sharedGpu();
    stored = await golden<VariantsGolden>('peft-variants/golden.json');
    const configJson = JSON.parse(new TextDecoder().decode(await bytesOf('models/toybox-vlm/config.json')));
    const config = parseLlamaConfig(configJson);
    const weights = await bytesOf('models/toybox-vlm/model.safetensors');
    policy = await Policy.load(gpu, config, Safetensors.parse(weights, 'model.safetensors'));
    scope = gpu.scope('test');
    sequence = {
      promptIds: [...stored.input_ids],
      responseIds: [...stored.answer_ids],
      visual: uploadVisual(scope, stored.image_features, config.hiddenSize),
      imageTokenId: configJson.image_token_id,
    };
  });
  after(() => {
    scope.dispose();
    policy.dispose();
  });

  async function logps(peft: PeftAdapter): Promise<readonly number[]> {
    const adapter = new LoraAdapter(await sharedGpu(), policy.planLora({ ...peft.lora, seed: 0 }));
    try {
      adapter.write(matricesFor(adapter.plan, peft));
      return [...(await policy.scoreMany([sequence], { adapter }))[0].logps];
    } finally {
      adapter.dispose();
    }
  }

  async function refusal(path: string): Promise<string> {
    const error = await importPeft(await bytesOf(path)).catch((reason) => reason);
    expect(error, path).to.be.instanceOf(InputError);
    return error.message;
  }

  it('are compared with a base model that agrees', async () => {
    const [base] = await policy.scoreMany([sequence]);
    expectClose(base.logps, stored.base, GOLDEN, 'the base model');
    expect(sum(stored.base)).to.be.closeTo(-23.93297, 1e-4);
  });

  for (const name of ['plain', 'run-folder', 'run-folder-mixed']) {
    it(`${name}.zip gives -23.883`, async () => {
      const found = await logps(await importPeft(await bytesOf(`tests/golden/adapter-cases/${name}.zip`)));
      expectClose(found, stored.cases[name].whole, GOLDEN, name);
      expect(sum(found)).to.be.closeTo(-23.883, 1e-3);
    });
  }

  for (const [name, right] of [
    ['pissa', -24.508],
    ['olora', -25.123],
  ] as const) {
    it(`${name}.zip, which PEFT reads as ${right} by changing the base, is refused by name`, async () => {
      expect(sum(stored.cases[name].whole)).to.be.closeTo(right, 1e-3);
      expect(await refusal(`tests/golden/adapter-cases/${name}.zip`)).to.contain(`"init_lora_weights" is "${name}"`);
    });
  }

  for (const name of [
    'regex',
    'float16',
    'bfloat16',
    'rslora',
    'gaussian',
    'bias_lora_only',
    'patterns',
    'layers_to_transform',
    'list_exclude_vision',
  ]) {
    it(`${name}: the numbers of PEFT`, async () => {
      const peft = await importPeft(await bytesOf(`tests/golden/peft-variants/${name}.zip`));
      expectClose(await logps(peft), stored.variants[name].whole, GOLDEN, name);
      expect(Math.abs(sum(stored.variants[name].whole) - sum(stored.base)), 'it does something').to.be.above(0.05);
      expect(peft.notices.length).to.equal(name === 'patterns' ? 1 : 0);
    });
  }

  it('list_untrained_vision: the numbers of PEFT, and a notice that nothing was lost', async () => {
    const peft = await importPeft(await bytesOf('tests/golden/peft-variants/list_untrained_vision.zip'));
    expectClose(await logps(peft), stored.variants.list_untrained_vision.whole, GOLDEN, 'untrained');
    expect(peft.notices.join()).to.contain('changes no number');
  });

  for (const name of ['list', 'all_linear']) {
    it(`${name}: the numbers of PEFT for the decoder alone, and a notice that they differ`, async () => {
      const { whole, decoder } = stored.variants[name];
      const peft = await importPeft(await bytesOf(`tests/golden/peft-variants/${name}.zip`));
      expectClose(await logps(peft), decoder!, GOLDEN, name);
      expect(Math.abs(sum(whole) - sum(decoder!)), 'the vision tower was trained').to.be.above(0.05);
      expect(peft.notices.join()).to.contain('differ from those of PEFT');
    });
  }
});
