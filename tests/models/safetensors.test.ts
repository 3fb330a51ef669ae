import { expect } from '@esm-bundle/chai';
import { ModelFileError } from '../../src/errors.ts';
import { Safetensors } from '../../src/models/weights/safetensors.ts';
import { loadGoldenWeights } from '../support/decoder-golden.ts';

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

  it('refuses entries that contradict themselves', () => {
    const a = HEADER.a;
    for (const wrong of [
      { ...a, dtype: 'F31' },
      { ...a, shape: [3, 1] },
      { ...a, shape: [-2, -1] },
      { ...a, data_offsets: [8, 0] },
      { ...a, data_offsets: [0] },
      { ...a, data_offsets: ['0', '8'] },
      null,
    ]) {
      expect(refusal(file({ a: wrong }, 8))).to.contain('"a"');
    }
  });
});
