import { expect } from '@esm-bundle/chai';
import { ModelFileError } from '../../src/errors.ts';
import type { Provider } from '../../src/models/ort.ts';
import { chooseProvider, decide, relativeDifference, type Trial } from '../../src/models/provider-choice.ts';
import { type CheckMemory, type CheckRecord, checkMemory } from '../../src/models/provider-memory.ts';
import { sharedGpu } from '../support/shared-gpu.ts';

/** A model that gives `outputs[provider]`, or fails with it; `log` tells what was made and released. */
function trial(outputs: Record<Provider, number[] | Error>, log: string[] = []): Trial<Provider> {
  return {
    label: 'tower.onnx',
    async create(provider) {
      log.push(`create ${provider}`);
      if (outputs[provider] instanceof Error) throw outputs[provider];
      return provider;
    },
    run: async (provider) => Float32Array.from(outputs[provider] as number[]),
    async release(provider) {
      log.push(`release ${provider}`);
    },
  };
}

/** Memory in a variable. */
function memory(): CheckMemory & { record?: CheckRecord } {
  return {
    async recall() {
      return this.record;
    },
    async store(record) {
      this.record = record;
    },
  };
}

describe('choice of provider', () => {
  it('uses WebGPU when both agree, and releases the other', async () => {
    const log: string[] = [];
    const choice = await chooseProvider(trial({ wasm: [1, -2], webgpu: [1.00001, -2] }, log), { prefer: 'webgpu' });
    expect(choice).to.include({ value: 'webgpu', provider: 'webgpu' });
    expect(choice.agreement).to.be.closeTo(5e-6, 1e-6);
    expect(log).to.deep.equal(['create wasm', 'create webgpu', 'release wasm']);
  });

  it('falls back to WASM and says so when WebGPU is wrong, not finite, or fails', async () => {
    for (const [webgpu, words] of [
      [[1, -1], 'other numbers'],
      [[1, Number.NaN], 'other numbers'],
      [new Error('no kernel for this'), 'no kernel for this'],
    ] as const) {
      const outputs = { wasm: [1, -2], webgpu: webgpu instanceof Error ? webgpu : [...webgpu] };
      const choice = await chooseProvider(trial(outputs), { prefer: 'webgpu' });
      expect(choice.provider).to.equal('wasm');
      expect(choice.note).to.contain(words);
    }
  });

  it('uses WebGPU unchecked when WASM cannot run', async () => {
    const choice = await chooseProvider(trial({ wasm: new Error('too large'), webgpu: [1] }), { prefer: 'webgpu' });
    expect([choice.provider, choice.agreement]).to.deep.equal(['webgpu', undefined]);
    expect(choice.note).to.contain('unchecked');
  });

  it('blames the file when neither runs', async () => {
    const broken = trial({ wasm: new Error('protobuf'), webgpu: new Error('protobuf') });
    const error = await chooseProvider(broken, { prefer: 'webgpu' }).catch((caught) => caught);
    expect(error).to.be.instanceOf(ModelFileError);
    expect(error).to.include({ subject: 'tower.onnx' });
  });

  it('takes the faster of two that agree, and the software renderer never', () => {
    expect(decide(1e-6, 10, 4, 'faster').provider).to.equal('webgpu');
    expect(decide(1e-6, 4, 10, 'faster').provider).to.equal('wasm');
    expect(decide(0.5, 10, 4, 'faster').provider).to.equal('wasm');
    expect(decide(1e-6, 10, 4, 'wasm').note).to.contain('software');
  });

  it('remembers the WASM answer and checks against it without WASM', async () => {
    const remembered = memory();
    await chooseProvider(trial({ wasm: [1, -2], webgpu: [1, -2] }), { prefer: 'webgpu', memory: remembered });
    const log: string[] = [];
    const again = await chooseProvider(trial({ wasm: [1, -2], webgpu: [1, -2] }, log), {
      prefer: 'webgpu',
      memory: remembered,
    });
    expect(again).to.include({ provider: 'webgpu', agreement: 0 });
    expect(log).to.deep.equal(['create webgpu']);
  });

  it('checks in full when the remembered provider has changed its mind', async () => {
    const remembered = memory();
    await chooseProvider(trial({ wasm: [1, -2], webgpu: [1, -2] }), { prefer: 'webgpu', memory: remembered });
    const log: string[] = [];
    const outputs = { wasm: [1, -2], webgpu: [5, 5] };
    const again = await chooseProvider(trial(outputs, log), { prefer: 'webgpu', memory: remembered });
    expect(again.provider).to.equal('wasm');
    expect(log).to.deep.equal(['create webgpu', 'release webgpu', 'create wasm', 'create webgpu', 'release webgpu']);
  });

  it('keeps its memory per device and per file', async () => {
    const gpu = await sharedGpu();
    const here = await checkMemory(gpu, Uint8Array.of(1, 2, 3));
    const record: CheckRecord = {
      provider: 'webgpu',
      agreement: 1e-6,
      note: 'fine',
      reference: Float32Array.of(0.1, -3),
    };
    await here!.store(record);
    expect(await (await checkMemory(gpu, Uint8Array.of(1, 2, 3)))!.recall()).to.deep.equal(record);
    expect(await (await checkMemory(gpu, Uint8Array.of(1, 2, 4)))!.recall()).to.equal(undefined);
  });

  it('measures the difference relative to the largest value', () => {
    expect(relativeDifference(Float32Array.of(1, 4), Float32Array.of(2, 4))).to.equal(0.25);
    expect(relativeDifference(Float32Array.of(1), Float32Array.of(1, 2))).to.equal(Number.POSITIVE_INFINITY);
    expect(relativeDifference(Float32Array.of(0), Float32Array.of(0))).to.equal(0);
  });
});
