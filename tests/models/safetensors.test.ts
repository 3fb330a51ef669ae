import { expect } from '@esm-bundle/chai';
import { ModelFileError } from '../../src/errors.ts';
import { parseLlamaConfig } from '../../src/models/policy/config.ts';
import { Policy } from '../../src/models/policy/policy.ts';
import { finiteWords, toFloats } from '../../src/models/weights/floats.ts';
import { Safetensors } from '../../src/models/weights/safetensors.ts';
import { loadGoldenWeights } from '../support/decoder-golden.ts';
import { random } from '../support/random.ts';
import { sharedGpu } from '../support/shared-gpu.ts';

const HEADER = {
  __metadata__: { format: 'pt' },
  a: { dtype: 'F32', shape: [2, 1], data_offsets: [0, 8] },
  b: { dtype: 'BF16', shape: [3], data_offsets: [8, 14] },
};

/** A file with the given header and as many bytes of body. */
function file(header: unknown, bodyBytes = 14, text = JSON.stringify(header)): Uint8Array {
  const json = new TextEncoder().encode(text);
  const bytes = new Uint8Array(8 + json.length + bodyBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  for (let i = 0; i < bodyBytes; i++) bytes[8 + json.length + i] = i;
  return bytes;
}

function refusal(bytes: Uint8Array): string {
  try {
    Safetensors.parse(bytes, 'model.safetensors');
  } catch (error) {
    expect(error).to.be.instanceOf(ModelFileError);
    expect((error as ModelFileError).subject).to.equal('model.safetensors');
    return (error as Error).message;
  }
  throw new Error('was not refused');
}

describe('safetensors', () => {
  it('gives tensors by name, with dtype, shape and bytes', () => {
    const tensors = Safetensors.parse(file(HEADER), 'model.safetensors');
    expect(tensors.names).to.deep.equal(['a', 'b']);
    expect(tensors.metadata).to.deep.equal({ format: 'pt' });
    const b = tensors.get('b', [3]);
    expect(b.dtype).to.equal('BF16');
    expect([...b.bytes]).to.deep.equal([8, 9, 10, 11, 12, 13]);
    expect(tensors.has('c')).to.equal(false);
  });

  it('reads what the Python library writes', async () => {
    const tensors = await loadGoldenWeights('tied');
    expect(tensors.get('model.text_model.embed_tokens.weight').shape).to.deep.equal([509, 48]);
  });

  it('names a missing tensor and a wrong shape', () => {
    const tensors = Safetensors.parse(file(HEADER), 'model.safetensors');
    expect(() => tensors.get('c')).to.throw(ModelFileError, 'no tensor "c"');
    expect(() => tensors.get('a', [1, 2])).to.throw(
      ModelFileError,
      'shape [2, 1], and the configuration makes it [1, 2]',
    );
  });

  it('refuses a file cut short anywhere', () => {
    const whole = file(HEADER);
    for (const length of [0, 5, 8, 40, whole.length - 8, whole.length - 1]) {
      expect(refusal(whole.subarray(0, length))).to.contain('model.safetensors is damaged');
    }
  });

  it('refuses bytes behind the last tensor', () => {
    expect(refusal(file(HEADER, 15))).to.contain('end at byte 14, and the file holds 15');
  });

  it('refuses what is no safetensors file', () => {
    expect(refusal(new TextEncoder().encode('<!doctype html><title>404</title>'))).to.contain('does not begin');
    expect(refusal(file(null, 0, '[1, 2]'))).to.contain('not JSON');
    expect(refusal(file(null, 0, '{"a": '))).to.contain('not JSON');
  });

  it('refuses tensors that share bytes, and bytes of no tensor', () => {
    const { a, b } = HEADER;
    expect(refusal(file({ a, b: { ...b, data_offsets: [4, 10] } }, 10))).to.contain('"b" begins at byte 4');
    expect(refusal(file({ a, b: { ...b, data_offsets: [10, 16] } }, 16))).to.contain('"b" begins at byte 10');
    expect(refusal(file({ a: { ...a, data_offsets: [4, 12] } }, 12))).to.contain('"a" begins at byte 4');
    expect(refusal(file({ __metadata__: { format: 5 }, a }, 8))).to.contain('metadata');
    expect(refusal(file({ __metadata__: 'pt', a }, 8))).to.contain('metadata');
    // An empty tensor lies between two others.
    expect(
      Safetensors.parse(file({ a, none: { dtype: 'F32', shape: [0], data_offsets: [8, 8] } }, 8), 'x').names,
    ).to.have.length(2);
  });

  it('says what is wrong with a mutated file, whatever it is', () => {
    const source = random(5);
    const valid = file(HEADER);
    for (let i = 0; i < 2000; i++) {
      const bytes = valid.slice(0, source.int(5) === 0 ? source.int(valid.length) : valid.length);
      for (let change = source.int(3); change >= 0; change--) bytes[source.int(bytes.length)] = source.int(256);
      try {
        Safetensors.parse(bytes, 'model.safetensors');
      } catch (error) {
        expect(error, String(error)).to.be.instanceOf(ModelFileError);
      }
    }
  });

  it('refuses entries that contradict themselves', () => {
    const a = HEADER.a;
    for (const wrong of [
      { ...a, dtype: 'F31' },
      { ...a, shape: [3, 1] },
      { ...a, shape: [-2, -1] },
      { ...a, data_offsets: [8, 0] },
      { ...a, data_offsets: [0] },
      { ...a, data_offsets: ['0', '8'] },
      { ...a, dtype: 'toString' },
      { ...a, dtype: 4 },
      { ...a, shape: [2 ** 52, 2 ** 52] },
      { ...a, shape: [0.5, 4] },
      { ...a, data_offsets: [0, 2 ** 60] },
      { ...a, data_offsets: [-8, 0] },
      null,
    ]) {
      expect(refusal(file({ a: wrong }, 8))).to.contain('"a"');
    }
  });
});

describe('the numbers of a file', () => {
  const entry = (dtype: string, halves: number[]) => ({
    name: `a ${dtype}`,
    dtype,
    shape: [halves.length],
    bytes: new Uint8Array(Uint16Array.from(halves).buffer),
  });

  it('are read in every format, from odd places and of odd counts', () => {
    expect([...toFloats(entry('F16', [0x3c00, 0xc000, 0x7bff]), 'x')]).to.deep.equal([1, -2, 65504]);
    expect([...toFloats(entry('BF16', [0x3f80, 0xc000, 0x7f7f]), 'x')]).to.deep.equal([1, -2, 2 ** 120 * 255]);
    expect([...toFloats(entry('F32', [0, 0x3f80]), 'x')]).to.deep.equal([1]);
    expect(() => toFloats(entry('I32', [0, 0]), 'x')).to.throw(ModelFileError, 'must be F32, F16 or BF16');
  });

  it('are finite, or the tensor is named', () => {
    for (const [dtype, halves] of [
      ['F16', [0, 0x7c00]],
      ['F16', [0xfc00, 0, 0]],
      ['F16', [0, 0, 0x7e01]],
      ['BF16', [0x7f80, 0]],
      ['BF16', [0, 0xffc0]],
      ['F32', [0, 0x7f80]],
      ['F32', [0, 0, 1, 0xff80]],
    ] as const) {
      const words = `"a ${dtype}" holds an infinity or a NaN`;
      expect(() => toFloats(entry(dtype, [...halves]), 'x'), `${dtype} ${halves}`).to.throw(ModelFileError, words);
    }
    expect(() => toFloats(entry('F16', [0x7c00]), 'x')).to.throw('overflow in F16');
    const parts = [entry('F16', [1]), { ...entry('F16', [0x7c00]), name: 'second' }];
    expect(() => finiteWords(parts, 'f16', 'x')).to.throw('"second"');
    // High bits of two ordinary halves are no infinity.
    expect([...toFloats(entry('F16', [0x7bff, 0x7bff]), 'x')]).to.deep.equal([65504, 65504]);
  });

  it('of a model are checked before anything is computed with them', async () => {
    const gpu = await sharedGpu();
    const { config } = await (await fetch(new URL('../golden/decoder-tied.json', import.meta.url))).json();
    for (const name of ['model.text_model.layers.0.mlp.up_proj.weight', 'model.text_model.norm.weight']) {
      const weights = await loadGoldenWeights('tied');
      weights.get(name).bytes.fill(255, 6, 10);
      const error = await Policy.load(gpu, parseLlamaConfig(config), weights).catch((reason) => reason);
      expect(error).to.be.instanceOf(ModelFileError);
      expect(error.message).to.contain(`"${name}" holds an infinity or a NaN`);
    }
  });
});
