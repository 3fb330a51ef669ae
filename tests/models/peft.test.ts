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

const QUERY: Readonly<Record<string, FloatTensor>> = {
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
    const mapping = {
      base_model_class: 'LlamaForCausalLM',
      parent_library: 'transformers.models.llama.modeling_llama',
    };
    const bytes = await exportPeft(plan, matrices, { name: 'somebody/a-llama', mapping });
    const files = await unzip(new Blob([bytes]));
    const config = JSON.parse(new TextDecoder().decode(files.get('adapter_config.json')));
    expect(config).to.include({
      peft_type: 'LORA',
      r: 2,
      lora_alpha: 4,
      lora_dropout: 0.05,
      bias: 'none',
      use_dora: false,
      base_model_name_or_path: 'somebody/a-llama',
      task_type: null,
    });
    expect(config.auto_mapping).to.deep.equal(mapping);
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

  it('are read for the decoder where they reach the vision tower too, and say so', async () => {
    const vision = 'base_model.model.model.vision_model.encoder.layers.0.self_attn.q_proj';
    const untrained = {
      ...QUERY,
      [`${vision}.lora_A.weight`]: tensor(2, 6, 3),
      [`${vision}.lora_B.weight`]: zeros(6, 2),
    };
    const left = await importPeft(await archive({}, untrained));
    expect(left.matrices.size).to.equal(2);
    expect(left.notices.join()).to.contain('one module outside the decoder').and.to.contain('changes no number');
    const trained = await importPeft(await archive({}, { ...untrained, [`${vision}.lora_B.weight`]: tensor(6, 2, 4) }));
    expect(trained.matrices.size).to.equal(2);
    expect(trained.notices.join())
      .to.contain('differ from those of PEFT')
      .and.to.contain('vision_model.encoder.layers.0');
    expect((await importPeft(await archive({}, QUERY))).notices).to.deep.equal([]);
  });

  it('scale rank-stabilised adapters by their own rule', async () => {
    const { lora } = await importPeft(await archive({ use_rslora: true }, QUERY));
    // alpha / sqrt(r), written as alpha' / r.
    expect(lora.alpha / lora.r).to.be.closeTo(4 / Math.sqrt(2), 1e-12);
  });

  it('are refused where they belong to another model', async () => {
    const peft = await importPeft(await archive({}, QUERY));
    const wider = planLora({ ...MODEL, hiddenSize: 16 }, 'model.', { ...peft.lora, seed: 0 });
    expect(() => matricesFor(wider, peft)).to.throw(InputError, 'another model');
    const shallower = planLora({ ...MODEL, layers: 1 }, 'model.', { ...peft.lora, seed: 0 });
    expect(() => matricesFor(shallower, peft)).to.throw(InputError, 'lacks');
  });
});

/** What PEFT 0.21 writes for plain LoRA. */
const PEFT_021 = {
  alora_invocation_tokens: null,
  alpha_pattern: {},
  arrow_config: null,
  auto_mapping: { base_model_class: 'Idefics3ForConditionalGeneration', parent_library: 'x', unsloth_fixed: true },
  base_model_name_or_path: 'models/toybox-vlm',
  bias: 'none',
  corda_config: null,
  ensure_weight_tying: false,
  eva_config: null,
  exclude_modules: null,
  fan_in_fan_out: false,
  inference_mode: true,
  init_lora_weights: true,
  kasa_config: null,
  layer_replication: null,
  layers_pattern: null,
  layers_to_transform: null,
  loftq_config: {},
  lora_bias: false,
  lora_dropout: 0,
  lora_ga_config: null,
  megatron_config: null,
  megatron_core: 'megatron.core',
  modules_to_save: null,
  monteclora_config: null,
  peft_version: '0.21.2',
  qalora_group_size: 16,
  rank_pattern: {},
  revision: null,
  target_parameters: null,
  task_type: null,
  trainable_token_indices: null,
  use_bdlora: null,
  use_dora: false,
  use_qalora: false,
  use_rslora: false,
  velora_config: null,
  // Of older versions, or of versions to come: they say nothing.
  enable_lora: null,
  merge_weights: false,
  a_key_of_the_future: [],
};

describe('the configuration of an adapter', () => {
  it('may say what PEFT says of plain LoRA', async () => {
    const { lora } = await importPeft(await archive(PEFT_021, QUERY));
    expect(lora).to.deep.equal({ r: 2, alpha: 4, targets: ['q_proj'], dropout: 0 });
    for (const neutral of [
      { init_lora_weights: false },
      { init_lora_weights: 'gaussian' },
      { init_lora_weights: 'orthogonal' },
      { bias: 'lora_only' },
      { task_type: 'CAUSAL_LM' },
      { runtime_config: { ephemeral_gpu_offload: false } },
      { target_modules: '.*q_proj' },
      { layers_to_transform: [0, 1] },
      { layers_to_transform: 1 },
    ]) {
      expect((await importPeft(await archive({ ...PEFT_021, ...neutral }, QUERY))).lora).to.deep.equal(lora);
    }
  });

  it('is refused by the name and the value of every other key', async () => {
    const wrong: Record<string, unknown[]> = {
      init_lora_weights: ['pissa', 'pissa_niter_16', 'olora', 'corda', 'eva', 'loftq', 'lora_ga', 'mica', 'Gaussian'],
      peft_type: ['IA3', null, 5],
      task_type: ['SEQ_2_SEQ_LM', 'TOKEN_CLS'],
      bias: ['some', true],
      fan_in_fan_out: [true],
      use_dora: [true],
      use_rslora: ['yes'],
      use_qalora: [true],
      use_bdlora: [{ nblocks: 2 }],
      lora_bias: [true],
      ensure_weight_tying: [true],
      layer_replication: [[[0, 4]]],
      modules_to_save: [['lm_head'], 'score', [1]],
      target_parameters: [['experts.weight']],
      trainable_token_indices: [[1, 2]],
      alora_invocation_tokens: [[7]],
      loftq_config: [{ loftq_bits: 4 }],
      megatron_config: [{ tensor_model_parallel_size: 2 }],
      monteclora_config: [{ num_samples: 8 }],
      a_key_of_the_future: [true, 1, 'x', { x: 1 }],
      constructor: [1],
      __proto__key: [1],
      r: [0, 1.5, -2, '8', 3],
      lora_alpha: [0, -1, '16', [16]],
      lora_dropout: [1, -0.1, '0'],
      rank_pattern: [{ q_proj: 'x' }, [4], { q_proj: 0 }],
      alpha_pattern: [{ '(a+)+$': 4 }, { q_proj: -1 }],
      target_modules: [5, [1], ['v_proj']],
      layers_to_transform: [[0], 'all', [-1]],
    };
    for (const [key, values] of Object.entries(wrong)) {
      for (const value of values) {
        const message = await refused(archive({ ...PEFT_021, [key]: value }, QUERY));
        expect(message, `${key} ${JSON.stringify(value)}`).to.contain(key === 'r' && value === 3 ? 'r = 3' : key);
      }
    }
    expect(await refused(archive({ ...PEFT_021, init_lora_weights: 'pissa' }, QUERY))).to.contain(
      '"init_lora_weights" is "pissa"',
    );
  });

  it('gives each module its own rank and alpha', async () => {
    const value = {
      [`${PATH}.0.self_attn.q_proj.lora_A.weight`]: tensor(1, 8, 5),
      [`${PATH}.0.self_attn.q_proj.lora_B.weight`]: tensor(8, 1, 6),
    };
    const patterns = { rank_pattern: { 'layers.0.self_attn.q_proj': 1 }, alpha_pattern: { '1.self_attn.q_proj': 8 } };
    const peft = await importPeft(await archive(patterns, { ...value, ...QUERY }));
    expect(peft.lora).to.include({ r: 2, alpha: 8 });
    expect(peft.notices.join()).to.contain('rank_pattern');
    const matrices = matricesFor(planLora(MODEL, 'model.text_model.', { ...peft.lora, seed: 0 }), peft);
    const [a, b] = Object.values(value);
    expect([...matrices.get(`${PATH}.0.self_attn.q_proj.lora_A.weight`)!]).to.deep.equal([
      ...a.data,
      ...zeros(1, 8).data,
    ]);
    // Scale 4 / 1 in the file, 8 / 2 here.
    expect([...matrices.get(`${PATH}.0.self_attn.q_proj.lora_B.weight`)!]).to.deep.equal(
      [...b.data].flatMap((number) => [number, 0]),
    );
    expect(matrices.get(`${PATH}.1.self_attn.q_proj.lora_B.weight`)).to.deep.equal(Object.values(QUERY)[1].data);
  });
});

describe('the tensors of an adapter', () => {
  const [A, B] = Object.keys(QUERY);
  const poked = (name: string, value: number) => {
    const data = QUERY[name].data.slice();
    data[3] = value;
    return { ...QUERY, [name]: { ...QUERY[name], data } };
  };

  it('are finite, or are refused by name', async () => {
    for (const name of [A, B]) {
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        expect(await refused(archive({}, poked(name, value)))).to.contain(`"${name}" holds an infinity or a NaN`);
      }
    }
  });

  it('are whole pairs of the rank, in modules that the configuration names', async () => {
    expect(await refused(archive({ r: 3 }, QUERY))).to.contain('r = 3');
    expect(await refused(archive({}, { [A]: QUERY[A] }))).to.contain('only one of the two matrices');
    expect(await refused(archive({}, { [B]: QUERY[B] }))).to.contain('only one of the two matrices');
    const twice = { ...QUERY, [A.replace('lora_A', 'lora_A.default')]: QUERY[A] };
    expect(await refused(archive({}, twice))).to.contain('twice');
    const two = Object.fromEntries(
      Object.entries(QUERY).map(([name, value]) => [name.replace('.text_model', ''), value]),
    );
    expect(await refused(archive({}, { ...QUERY, ...two }))).to.contain('two decoders');
  });

  it('that change something frozen are refused by name', async () => {
    const lora = (path: string) => ({
      [`base_model.model.${path}.lora_A.weight`]: tensor(2, 8, 3),
      [`base_model.model.${path}.lora_B.weight`]: tensor(8, 2, 4),
    });
    for (const [tensors, name] of [
      [{ other: zeros(1, 1) }, 'other'],
      [{ 'base_model.model.lm_head.weight': tensor(64, 8, 1) }, 'lm_head.weight'],
      [{ 'base_model.model.model.text_model.layers.0.self_attn.q_proj.bias': tensor(1, 8, 1) }, 'q_proj.bias'],
      [{ [A.replace('lora_A.weight', 'lora_magnitude_vector')]: tensor(1, 8, 1) }, 'lora_magnitude_vector'],
      [lora('lm_head'), 'lm_head.lora_B'],
      [lora('model.text_model.layers.0.mlp.q_proj'), 'mlp.q_proj.lora_B'],
    ] as const) {
      expect(await refused(archive({ target_modules: null }, { ...QUERY, ...tensors })), name).to.contain(name);
    }
    const vision = lora('model.vision_model.encoder.layers.0.self_attn.q_proj');
    expect(await refused(archive({}, vision))).to.contain('no LoRA matrices');
  });
});

describe('the folder of an adapter in an archive', () => {
  const config = JSON.stringify(CONFIG);
  const weights = new Blob([writeSafetensors(new Map(Object.entries(QUERY)))]);
  const other = JSON.stringify({ ...CONFIG, lora_alpha: 64 });
  const packed = async (files: Record<string, Blob | string>) =>
    new Uint8Array(await (await zip(new Map(Object.entries(files)))).arrayBuffer());

  it('is the shallowest that holds both files', async () => {
    const bytes = await packed({
      'out/ref/adapter_config.json': other,
      'out/ref/adapter_model.safetensors': weights,
      'out/adapter_model.safetensors': weights,
      'out/adapter_config.json': config,
      'adapter_config.json': other,
    });
    expect((await importPeft(bytes)).lora.alpha).to.equal(4);
  });

  it('is not guessed where there are several', async () => {
    const both = (folder: string) => ({
      [`${folder}/adapter_config.json`]: config,
      [`${folder}/adapter_model.safetensors`]: weights,
    });
    const message = await refused(packed({ ...both('checkpoint-20'), ...both('checkpoint-10') }));
    expect(message).to.contain('2 adapters: "checkpoint-10/", "checkpoint-20/"');
    expect(
      await refused(packed({ 'a/adapter_config.json': config, 'b/adapter_model.safetensors': weights })),
    ).to.contain('no adapter_model.safetensors beside');
  });

  it('is refused for the format of its weights', async () => {
    const pickle = { 'adapter_config.json': config, 'adapter_model.bin': 'pickle' };
    expect(await refused(packed(pickle)))
      .to.contain('Python pickle')
      .and.to.contain('safe_serialization');
    const nested = { 'checkpoint-10/adapter_config.json': config, 'checkpoint-10/adapter_model.safetensors': weights };
    expect(await refused(packed({ ...pickle, ...nested }))).to.contain('Python pickle');
    const sharded = { 'adapter_config.json': config, 'adapter_model-00001-of-00002.safetensors': weights };
    expect(await refused(packed(sharded))).to.contain('split into several files');
    expect(await refused(packed({ 'adapter_model.safetensors': weights }))).to.contain('no adapter_config.json');
    const huge = { 'adapter_config.json': ' '.repeat(2 ** 20 + 1), 'adapter_model.safetensors': weights };
    expect(await refused(packed(huge))).to.contain('at most 1 MiB');
  });
});

describe('mutated adapters', () => {
  it('are read or refused with a sentence', async () => {
    const source = random(17);
    const weights = writeSafetensors(new Map(Object.entries(QUERY)));
    const text = new TextEncoder().encode(JSON.stringify({ ...PEFT_021, ...CONFIG }));
    const mutated = (bytes: Uint8Array<ArrayBuffer>, upTo: number) => {
      const copy = bytes.slice();
      for (let i = source.int(4); i > 0; i--) copy[source.int(upTo)] = source.int(256);
      return copy;
    };
    let read = 0;
    for (let i = 0; i < 500; i++) {
      const bytes = new Uint8Array(
        await (
          await zip(
            new Map<string, Blob>([
              ['adapter_config.json', new Blob([mutated(text, text.length)])],
              ['adapter_model.safetensors', new Blob([mutated(weights, source.int(2) ? weights.length : 300)])],
            ]),
          )
        ).arrayBuffer(),
      );
      const result = await importPeft(bytes).catch((error) => error);
      if (result instanceof Error) expect(result, String(result.stack)).to.be.instanceOf(InputError);
      else read += 1;
    }
    expect(read).to.be.within(20, 480);
  });
});
