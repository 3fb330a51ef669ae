import { expect } from '@esm-bundle/chai';
import { EngineClient } from '../../src/engine/client.ts';
import type { TrainRequest } from '../../src/engine/engine.ts';
import type { EngineHost, JobContext } from '../../src/engine/jobs/host.ts';
import { unload } from '../../src/engine/jobs/load.ts';
import { plan, train } from '../../src/engine/jobs/train.ts';
import { InputError, OutOfMemoryError } from '../../src/errors.ts';
import { picture } from '../support/pictures.ts';
import { TINY_BASE_URL } from '../support/tiny-fetch.ts';
import { tinyHost } from '../support/tiny-host.ts';

const context: JobContext = { signal: new AbortController().signal, onProgress: () => undefined };

async function requestOf(objective = 'dpo_sigmoid'): Promise<TrainRequest> {
  const image = await picture('one', 16);
  return {
    pairs: [
      { image, prompt: 'What is there?', chosen: 'A cat.', rejected: 'A dog and a cat.' },
      { image, prompt: 'Is it red?', chosen: 'Yes.', rejected: 'No.' },
      { image, prompt: 'Is it blue?', chosen: 'No.', rejected: 'Yes.' },
      { image, prompt: 'Is it small?', chosen: 'No.', rejected: 'Yes.' },
    ],
    objective,
    config: { max_steps: 1, per_device_train_batch_size: 2, num_generations: 2, max_completion_length: 6 },
    lora: { r: 4, lora_alpha: 8 },
  };
}

describe('the plan of a run, before it starts', () => {
  let host: EngineHost;

  before(async () => {
    host = await tinyHost();
  });
  after(() => unload(host));

  for (const objective of ['dpo_sigmoid', 'simpo', 'kto', 'bradley_terry', 'grpo', 'ppo_fact_rlhf']) {
    it(`is that of the run itself and takes no memory: ${objective}`, async () => {
      const request = await requestOf(objective);
      const before = host.gpu!.liveBytes;
      const foretold = await plan(host, request);
      expect(host.gpu!.liveBytes).to.equal(before);
      let own: unknown;
      await train(host, request, context, (event) => {
        if (event.type === 'plan') own = event.plan;
      });
      expect(foretold).to.deep.equal(own);
      expect(foretold.trainingBytes).to.be.greaterThan(0);
    });
  }

  it('grows with the batch and the rank', async () => {
    const request = await requestOf();
    const bytes = async (given: Partial<TrainRequest>) => (await plan(host, { ...request, ...given })).trainingBytes;
    const small = await bytes({});
    expect(await bytes({ config: { ...request.config, per_device_train_batch_size: 3 } })).to.be.greaterThan(small);
    expect(await bytes({ lora: { r: 32 } })).to.be.greaterThan(small);
  });

  it('refuses what the run would refuse, in the same words', async () => {
    const request = await requestOf();
    const refused = (given: Partial<TrainRequest>): Promise<Error> =>
      plan(host, { ...request, ...given }).then(
        () => expect.fail('it was not refused'),
        (error: Error) => error,
      );
    expect((await refused({ pairs: [] })).message).to.contain('There is no pair to train on yet');
    expect(await refused({ objective: 'kto', pairs: request.pairs.slice(0, 1) })).to.be.instanceOf(InputError);
    const { device } = host.gpu!;
    const limits = Object.getOwnPropertyDescriptor(device, 'limits');
    Object.defineProperty(device, 'limits', {
      value: { maxStorageBufferBindingSize: 1024, maxBufferSize: 1024 },
      configurable: true,
    });
    try {
      const error = await refused({});
      expect(error).to.be.instanceOf(OutOfMemoryError);
      expect(error.message).to.match(/needs [\d,]+ MiB in one buffer, and this GPU allows 1 MiB\. Lower/);
    } finally {
      if (limits) Object.defineProperty(device, 'limits', limits);
      else Reflect.deleteProperty(device, 'limits');
    }
  });
});

describe('the plan of a run, through a real worker', () => {
  it('comes back as data, and so does the refusal', async () => {
    const workerUrl = new URL('../support/tiny-worker.ts', import.meta.url);
    const engine = new EngineClient({ baseUrl: TINY_BASE_URL, workerUrl });
    await engine.load({ vlm: 'tiny-vlm', clip: 'tiny-clip' });
    const request = await requestOf();
    expect(await engine.plan(request)).to.include({ steps: 1, stepsPerEpoch: 2, firstStep: 0 });
    const refused = await engine.plan({ ...request, pairs: [] }).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(InputError);
    expect(await engine.adapter.facts(), 'nothing was trained').to.equal(null);
    engine.dispose();
  });
});
