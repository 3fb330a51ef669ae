import { expect } from '@esm-bundle/chai';
import type { TrainEvent, TrainingCheckpoint, TrainRequest } from '../../src/engine/engine.ts';
import { adapterFacts, exportAdapter, importAdapter } from '../../src/engine/jobs/adapter.ts';
import { dropAdapter, type EngineHost, type JobContext } from '../../src/engine/jobs/host.ts';
import { unload } from '../../src/engine/jobs/load.ts';
import { logps, pairLogps } from '../../src/engine/jobs/logps.ts';
import { plan, train } from '../../src/engine/jobs/train.ts';
import { InputError } from '../../src/errors.ts';
import { SCORE_NAME } from '../../src/models/policy/index.ts';
import { unzip, zip } from '../../src/zip.ts';
import { picture } from '../support/pictures.ts';
import { tinyHost } from '../support/tiny-host.ts';
import { checkpointOf, metricsOf, peftZip } from '../support/trajectory.ts';

const context: JobContext = { signal: new AbortController().signal, onProgress: () => undefined };

describe('a run that starts from an adapter of a file', () => {
  let host: EngineHost;
  let request: TrainRequest;
  /** Of rank 4 on q_proj and v_proj. */
  let adapter: Uint8Array<ArrayBuffer>;
  let reward: Uint8Array<ArrayBuffer>;
  /** The run that made `adapter`, at its end. */
  let made: TrainingCheckpoint;

  async function trained(given: Partial<TrainRequest> = {}): Promise<TrainEvent[]> {
    const events: TrainEvent[] = [];
    await train(host, { ...request, ...given }, context, (event) => events.push(event));
    return events;
  }

  const messageOf = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => expect.fail('it was not refused'),
      (error: Error) => {
        expect(error).to.be.instanceOf(InputError);
        return error.message;
      },
    );

  /** The file with another configuration. */
  async function reconfigured(changes: object): Promise<Uint8Array> {
    const files = await unzip(new Blob([adapter]));
    const config = JSON.parse(new TextDecoder().decode(files.get('adapter_config.json')));
    const weights = new Blob([files.get('adapter_model.safetensors')!]);
    const written = new Map<string, Blob | string>([
      ['adapter_config.json', JSON.stringify({ ...config, ...changes })],
      ['adapter_model.safetensors', weights],
    ]);
    return new Uint8Array(await (await zip(written)).arrayBuffer());
  }

  const matrixOf = ({ tensors, values }: TrainingCheckpoint, wanted: string): Float32Array => {
    let at = 0;
    for (const { name, shape } of tensors) {
      if (name === wanted) return values.slice(at, at + shape[0] * shape[1]);
      at += shape[0] * shape[1];
    }
    throw new Error(`there is no ${wanted}`);
  };

  before(async () => {
    host = await tinyHost();
    const image = await picture('one', 16);
    request = {
      pairs: [
        { image, prompt: 'What is there?', chosen: 'A cat.', rejected: 'A dog and a cat.' },
        { image, prompt: 'Is it red?', chosen: 'Yes.', rejected: 'No.' },
      ],
      objective: 'dpo_sigmoid',
      config: { max_steps: 4, learning_rate: 2e-2, per_device_train_batch_size: 2, lr_scheduler_type: 'constant' },
      lora: { r: 4, lora_alpha: 8, target_modules: ['q_proj', 'v_proj'] },
    };
    made = checkpointOf(await trained());
    adapter = await exportAdapter(host);
    await trained({ objective: 'bradley_terry', config: { ...request.config, max_steps: 2 } });
    reward = await exportAdapter(host);
  });

  after(() => unload(host));
  afterEach(() => dropAdapter(host));

  it('starts at its values: the first log-ratios are those of the imported adapter, to the frozen model', async () => {
    await importAdapter(host, adapter);
    const rows = [];
    for (const pair of request.pairs) rows.push((await pairLogps(host, pair, context)).row);
    dropAdapter(host);
    const [{ pairs }] = metricsOf(await trained({ adapter, config: { ...request.config, max_steps: 1 } }));
    expect(pairs).to.have.length(2);
    for (const { index, chosenLogRatio, rejectedLogRatio } of pairs!) {
      expect(chosenLogRatio).to.be.closeTo(rows[index].chosenLogRatio!, 1e-4);
      expect(rejectedLogRatio).to.be.closeTo(rows[index].rejectedLogRatio!, 1e-4);
      expect(Math.abs(chosenLogRatio! - rejectedLogRatio!)).to.be.greaterThan(0.05);
    }
    const [fresh] = metricsOf(await trained({ config: { ...request.config, max_steps: 1 } }));
    for (const { chosenLogRatio } of fresh.pairs!) expect(chosenLogRatio).to.be.closeTo(0, 1e-5);
  });

  it('takes the same steps as from the same values put there otherwise, with zero moments from step 0', async () => {
    const config = { ...request.config, max_steps: 2, learning_rate: 1e-2 };
    const whole = await trained({ adapter, config });
    const zeros = () => new Float32Array(made.values.length);
    const atStart = { ...made, step: 0, numTokens: 0, firstMoments: zeros(), secondMoments: zeros() };
    const resume = { ...atStart, config: { ...made.config, ...config } };
    const other = await trained({ resume });
    const losses = (events: TrainEvent[]) => metricsOf(events).map(({ loss, grad_norm }) => [loss, grad_norm]);
    expect(losses(whole)).to.deep.equal(losses(other));
    expect(checkpointOf(whole).values).to.deep.equal(checkpointOf(other).values);
    const moved = checkpointOf(await trained({ config }));
    expect(checkpointOf(whole).values, 'a fresh one goes elsewhere').not.to.deep.equal(moved.values);
    expect(adapterFacts(host)).to.deep.include({ step: 2, origin: 'trained' });
  });

  it('has rank, alpha and targets of the file, dropout and the rest of the request; so has its plan', async () => {
    const lora = { r: 16, lora_alpha: 1, lora_dropout: 0.1 };
    const foretold = await plan(host, { ...request, lora, adapter });
    expect(foretold.lora).to.deep.equal({
      r: 4,
      lora_alpha: 8,
      lora_dropout: 0.1,
      target_modules: ['q_proj', 'v_proj'],
    });
    const small = await plan(host, request);
    expect(foretold.parameters).to.equal(small.parameters);
    expect((await plan(host, { ...request, lora })).parameters).to.be.greaterThan(small.parameters);
    const [own] = await trained({ lora, adapter, stopAfter: 1 });
    expect(own).to.deep.equal({ type: 'plan', plan: foretold });
    const stabilised = await reconfigured({ use_rslora: true });
    expect((await plan(host, { ...request, adapter: stabilised })).lora.lora_alpha).to.equal(16);
  });

  it('goes on from its checkpoint, whatever file lies beside it', async () => {
    const whole = metricsOf(await trained({ adapter })).map(({ loss }) => loss);
    const first = await trained({ adapter, stopAfter: 2 });
    const resume = structuredClone(checkpointOf(first));
    const rest = metricsOf(await trained({ resume, adapter: new Uint8Array([1, 2, 3]) }));
    expect([...metricsOf(first), ...rest].map(({ loss }) => loss)).to.deep.equal(whole);
  });

  it('starts a reward model with its score layer, or with a fresh one where it has none', async () => {
    const given = { objective: 'bradley_terry', config: { ...request.config, learning_rate: 1e-12, max_steps: 1 } };
    await importAdapter(host, reward);
    const scores = (await host.adapter!.lora.read()).get(SCORE_NAME)!;
    const kept = matrixOf(checkpointOf(await trained({ ...given, adapter: reward })), SCORE_NAME);
    for (const [i, value] of kept.entries()) expect(value).to.be.closeTo(scores[i], 1e-6);
    const own = checkpointOf(await trained({ ...given, adapter }));
    const fresh = matrixOf(checkpointOf(await trained(given)), SCORE_NAME);
    for (const [i, value] of matrixOf(own, SCORE_NAME).entries()) expect(value).to.be.closeTo(fresh[i], 1e-6);
    expect(Math.hypot(...fresh), 'first values').to.be.greaterThan(0.01);
    const name = made.tensors.find((tensor) => tensor.name.includes('lora_B'))!.name;
    for (const [i, value] of matrixOf(own, name).entries()) expect(value).to.be.closeTo(matrixOf(made, name)[i], 1e-6);
  });

  it('is refused what is no adapter for it, and the one at work stays', async () => {
    await importAdapter(host, adapter);
    const sum = async () =>
      (await logps(host, { ...request.pairs[0], response: 'A cat.', model: 'policy' }, context)).sum;
    const before = await sum();
    for (const [given, words] of [
      [{ adapter: new Uint8Array([1, 2, 3]) }, 'ZIP'],
      [{ adapter: await reconfigured({ use_dora: true }) }, 'DoRA'],
      [{ adapter: await peftZip('initial') }, 'belongs to another model'],
      [{ adapter: reward }, 'it has a score layer, which "dpo_sigmoid" does not train'],
      [{ adapter: reward, objective: 'ppo_fact_rlhf' }, 'does not train'],
      [{ adapter, lora: { lora_dropout: 2 } }, 'lora_dropout'],
      [{ adapter, pairs: [] }, 'no pair'],
    ] as [Partial<TrainRequest>, string][]) {
      const live = host.gpu!.liveBytes;
      expect(await messageOf(trained(given)), words).to.contain(words);
      expect(await messageOf(plan(host, { ...request, ...given })), words).to.contain(words);
      expect(host.gpu!.liveBytes, words).to.equal(live);
    }
    expect(adapterFacts(host)).to.deep.include({ origin: 'imported', step: 0 });
    expect(await sum()).to.equal(before);
  });
});
