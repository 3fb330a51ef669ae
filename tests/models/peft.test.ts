import { expect } from '@esm-bundle/chai';
import { InputError } from '../../src/errors.ts';
import { exportPeft, importPeft, matricesFor, planLora } from '../../src/models/policy/index.ts';
import { Safetensors } from '../../src/models/weights/safetensors.ts';
import { type FloatTensor, writeSafetensors } from '../../src/models/weights/safetensors-write.ts';
import { unzip, zip } from '../../src/zip.ts';
import { random } from '../support/random.ts';

const MODEL = {
  vocabSize: 64,
  hiddenSize: 8,
  intermediateSize: 12,
  layers: 2,
  heads: 2,
  kvHeads: 1,
  headDim: 4,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  maxPositions: 32,
  tiedHead: true,
};
const CONFIG = { peft_type: 'LORA', r: 2, lora_alpha: 4, target_modules: ['q_proj'] };
const PATH = 'base_model.model.model.text_model.layers';

/** An archive as somebody may make of a PEFT folder. */
async function archive(config: object, tensors: Record<string, FloatTensor>, folder = ''): Promise<Uint8Array> {
  const files = new Map<string, Blob | string>([
    [`${folder}README.md`, 'An adapter.'],
    [`${folder}adapter_config.json`, JSON.stringify({ ...CONFIG, ...config })],
    [`${folder}adapter_model.safetensors`, new Blob([writeSafetensors(new Map(Object.entries(tensors)))])],
  ]);
  return new Uint8Array(await (await zip(files)).arrayBuffer());
}

const tensor = (rows: number, cols: number, seed: number): FloatTensor => ({
  shape: [rows, cols],
  data: random(seed).normals(rows * cols),
});
const zeros = (rows: number, cols: number): FloatTensor => ({
  shape: [rows, cols],
  data: new Float32Array(rows * cols),
});

const QUERY = {
  [`${PATH}.1.self_attn.q_proj.lora_A.weight`]: tensor(2, 8, 1),
  [`${PATH}.1.self_attn.q_proj.lora_B.weight`]: tensor(8, 2, 2),
};

async function refused(bytes: Promise<Uint8Array>): Promise<string> {
  const error = await importPeft(await bytes).catch((reason) => reason);
  expect(error).to.be.instanceOf(InputError);
  return error.message;
}

describe('PEFT folders', () => {
  const lora = { r: 2, alpha: 4, targets: ['k_proj', 'up_proj', 'down_proj'] as const, dropout: 0.05, seed: 0 };

  it('hold what was exported, under names that PEFT knows', async () => {
    const plan = planLora(MODEL, 'model.text_model.', lora);
    const source = random(5);
    const matrices = new Map(
      plan.matrices.map(({ name, shape }) => [name, source.normals(shape[0] * shape[1])] as const),
    );
    const bytes = await exportPeft(plan, matrices);
    const files = await unzip(new Blob([bytes]));
    const config = JSON.parse(new TextDecoder().decode(files.get('adapter_config.json')));
    expect(config).to.include({
      peft_type: 'LORA',
      r: 2,
      lora_alpha: 4,
      lora_dropout: 0.05,
      bias: 'none',
      use_dora: false,
    });
    const pattern = new RegExp(`^(?:${config.target_modules})$`);
    expect(pattern.test('model.text_model.layers.11.self_attn.k_proj')).to.equal(true);
    expect(pattern.test('model.text_model.layers.0.self_attn.q_proj')).to.equal(false);
    expect(pattern.test('model.vision_model.encoder.layers.0.self_attn.k_proj')).to.equal(false);
    const weights = Safetensors.parse(files.get('adapter_model.safetensors')!, 'adapter_model.safetensors');
    expect(weights.names).to.deep.equal([...matrices.keys()]);
    expect(weights.names[0]).to.equal(`${PATH}.0.self_attn.k_proj.lora_A.weight`);

    const again = await importPeft(bytes);
    expect(again.lora).to.deep.equal({ r: 2, alpha: 4, targets: lora.targets, dropout: 0.05 });
    expect(matricesFor(plan, again)).to.deep.equal(matrices);
  });

  it('come back from a folder in the archive, whatever the path of the layers; other layers get zeros', async () => {
    const plain = Object.fromEntries(
      Object.entries(QUERY).map(([name, value]) => [
        name.replace('text_model.', '').replace('lora_A.', 'lora_A.default.'),
        value,
      ]),
    );
    const peft = await importPeft(await archive({}, plain, 'checkpoint-10/'));
    const plan = planLora(MODEL, 'model.text_model.', { ...peft.lora, seed: 0 });
    const matrices = matricesFor(plan, peft);
    expect(matrices.get(`${PATH}.1.self_attn.q_proj.lora_A.weight`)).to.deep.equal(Object.values(QUERY)[0].data);
    expect([...matrices.get(`${PATH}.0.self_attn.q_proj.lora_B.weight`)!].every((value) => value === 0)).to.equal(true);
  });

  it('may hold untrained matrices of the vision tower, and no trained ones', async () => {
    const vision = 'base_model.model.model.vision_model.encoder.layers.0.self_attn.q_proj';
    const untrained = {
      ...QUERY,
      [`${vision}.lora_A.weight`]: tensor(2, 6, 3),
      [`${vision}.lora_B.weight`]: zeros(6, 2),
    };
    expect((await importPeft(await archive({}, untrained))).matrices.size).to.equal(2);
    const trained = { ...untrained, [`${vision}.lora_B.weight`]: tensor(6, 2, 4) };
    expect(await refused(archive({}, trained))).to.contain('frozen');
  });

  it('scale rank-stabilised adapters by their own rule', async () => {
    const { lora } = await importPeft(await archive({ use_rslora: true }, QUERY));
    // alpha / sqrt(r), written as alpha' / r.
    expect(lora.alpha / lora.r).to.be.closeTo(4 / Math.sqrt(2), 1e-12);
  });

  it('are refused where they do more than LoRA, or belong to another model', async () => {
    expect(await refused(archive({ bias: 'all' }, QUERY))).to.contain('biases');
    expect(await refused(archive({ modules_to_save: ['lm_head'] }, QUERY))).to.contain('modules_to_save');
    expect(await refused(archive({ r: 3 }, QUERY))).to.contain('r = 3');
    expect(await refused(archive({ lora_dropout: 1 }, QUERY))).to.contain('lora_dropout is 1');
    expect(await refused(archive({}, { other: zeros(1, 1) }))).to.contain('no LoRA matrices');
    const peft = await importPeft(await archive({}, QUERY));
    const wider = planLora({ ...MODEL, hiddenSize: 16 }, 'model.', { ...peft.lora, seed: 0 });
    expect(() => matricesFor(wider, peft)).to.throw(InputError, 'another model');
    const shallower = planLora({ ...MODEL, layers: 1 }, 'model.', { ...peft.lora, seed: 0 });
    expect(() => matricesFor(shallower, peft)).to.throw(InputError, 'lacks');
  });
});
