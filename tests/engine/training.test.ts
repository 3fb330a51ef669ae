import { expect } from '@esm-bundle/chai';
import type { TrainEvent, TrainRequest } from '../../src/engine/engine.ts';
import { adapterFacts, exportAdapter, importAdapter, restoreAdapter } from '../../src/engine/jobs/adapter.ts';
import { clipScore } from '../../src/engine/jobs/clip.ts';
import { divergence } from '../../src/engine/jobs/divergence.ts';
import { dropAdapter, type EngineHost, type JobContext } from '../../src/engine/jobs/host.ts';
import { unload } from '../../src/engine/jobs/load.ts';
import { logps, pairLogps } from '../../src/engine/jobs/logps.ts';
import { sample } from '../../src/engine/jobs/sample.ts';
import { train } from '../../src/engine/jobs/train.ts';
import { CancelledError, InputError } from '../../src/errors.ts';
import { unzip, zip } from '../../src/zip.ts';
import { picture } from '../support/pictures.ts';
import { tinyHost } from '../support/tiny-host.ts';
import { checkpointOf, metricsOf } from '../support/trajectory.ts';

const context: JobContext = { signal: new AbortController().signal, onProgress: () => undefined };
const prompt = 'What is there?';

describe('training jobs on tiny models', () => {
  let host: EngineHost;
  let request: TrainRequest;

  before(async () => {
    host = await tinyHost();
    const images = [await picture('one', 16), await picture('two', 16)];
    request = {
      pairs: [
        { image: images[0], prompt, chosen: 'A cat.', rejected: 'A dog and a cat.' },
        { image: images[1], prompt, chosen: 'A sun.', rejected: 'No sun.' },
        { image: images[0], prompt: 'Is it red?', chosen: 'Yes.', rejected: 'No.' },
      ],
      objective: 'dpo_sigmoid',
      config: { max_steps: 6, learning_rate: 2e-2, per_device_train_batch_size: 2, lr_scheduler_type: 'constant' },
      lora: { r: 4, lora_alpha: 8 },
    };
  });

  after(() => unload(host));
  afterEach(() => dropAdapter(host));

  async function trained(given: Partial<TrainRequest> = {}, signal = context.signal): Promise<TrainEvent[]> {
    const events: TrainEvent[] = [];
    await train(host, { ...request, ...given }, { ...context, signal }, (event) => events.push(event));
    return events;
  }

  const sumOf = async (model: 'policy' | 'reference') =>
    (await logps(host, { image: request.pairs[0].image, prompt, response: 'A cat.', model }, context)).sum;

  it('moves the policy and leaves the reference alone', async () => {
    const before = await sumOf('reference');
    expect(await sumOf('policy')).to.equal(before);
    const metrics = metricsOf(await trained());
    expect(metrics).to.have.length(6);
    expect(metrics[5]['rewards/margins']).to.be.greaterThan(0.1);
    expect(await sumOf('reference')).to.equal(before);
    expect(await sumOf('policy')).not.to.equal(before);
    expect(adapterFacts(host)).to.deep.include({ step: 6, origin: 'trained' });
  });

  it('scores pairs under policy and reference', async () => {
    await trained();
    const { row } = await pairLogps(host, request.pairs[0], context);
    expect(row.refChosen).to.be.closeTo(await sumOf('reference'), 1e-4);
    expect(row.chosen).to.be.closeTo(await sumOf('policy'), 1e-4);
    expect(row.chosenLogRatio).to.be.closeTo(row.chosen - row.refChosen!, 1e-4);
    expect(Math.abs(row.chosenLogRatio! - row.rejectedLogRatio!)).to.be.greaterThan(0.01);
    expect(Math.min(row.sequenceKlChosen!, row.sequenceKlRejected!)).to.be.greaterThan(1e-4);
  });

  it('knows how far the policy has moved on its own samples', async () => {
    const own = { image: request.pairs[0].image, prompt, n: 3, maxTokens: 5, seed: 1 };
    const before = await divergence(host, own, context);
    expect(before.answers.map(({ kl }) => kl)).to.deep.equal([0, 0, 0]);
    await trained();
    const { answers } = await divergence(host, own, context);
    for (const { tokens, kl } of answers) {
      expect(tokens).to.be.within(1, 5);
      expect(kl).to.be.greaterThan(1e-4);
    }
    expect(await divergence(host, own, context), 'the same seed').to.deep.equal({ answers });
    const refused = await divergence(host, { ...own, n: 0 }, context).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(InputError);
  });

  it('samples from policy and reference', async () => {
    const answer = async (model?: 'policy' | 'reference') => {
      const tokens: number[] = [];
      const settings = { prompt, n: 1, temperature: 0, topP: 1, maxTokens: 6, seed: 1, model };
      await sample(host, { image: request.pairs[0].image, ...settings }, context, (event) => {
        if (event.type === 'token') tokens.push(event.token.logp);
      });
      return tokens;
    };
    const reference = await answer('reference');
    await trained();
    expect(await answer('reference')).to.deep.equal(reference);
    expect(await answer('policy')).not.to.deep.equal(reference);
    expect(await answer()).to.deep.equal(await answer('policy'));
  });

  it('exports, takes away, imports and restores the adapter', async () => {
    const events = await trained();
    const policy = await sumOf('policy');
    const bytes = await exportAdapter(host);
    const files = await unzip(new Blob([bytes]));
    expect([...files.keys()]).to.deep.equal(['adapter_config.json', 'adapter_model.safetensors']);
    const config = JSON.parse(new TextDecoder().decode(files.get('adapter_config.json')));
    expect(config).to.include({ base_model_name_or_path: 'models/tiny-vlm', task_type: null });
    dropAdapter(host);
    expect(adapterFacts(host)).to.equal(null);
    expect(await sumOf('policy')).to.equal(await sumOf('reference'));
    expect(await importAdapter(host, bytes)).to.deep.include({ origin: 'imported', step: 0 });
    expect(await sumOf('policy')).to.equal(policy);
    dropAdapter(host);
    expect(await restoreAdapter(host, checkpointOf(events))).to.deep.include({ origin: 'trained', step: 6 });
    expect(await sumOf('policy')).to.equal(policy);
  });

  it('refuses what is no adapter, and keeps the one at work', async () => {
    await trained({ stopAfter: 1 });
    const policy = await sumOf('policy');
    const refused = async (files: Record<string, string>) => {
      const bytes = new Uint8Array(await (await zip(new Map(Object.entries(files)))).arrayBuffer());
      return importAdapter(host, bytes).then(
        () => expect.fail('nothing was thrown'),
        (error: Error) => {
          expect(error).to.be.instanceOf(InputError);
          return error.message;
        },
      );
    };
    expect(await refused({ 'a.txt': 'a' })).to.contain('adapter_config.json');
    const config = { peft_type: 'LORA', r: 4, lora_alpha: 8 };
    expect(await refused({ 'adapter_config.json': JSON.stringify(config) })).to.contain('adapter_model.safetensors');
    for (const [wrong, words] of [
      [{ peft_type: 'IA3' }, 'only "LORA"'],
      [{ use_dora: true }, 'DoRA'],
      [{ layer_replication: [[0, 2]] }, 'layer_replication'],
    ] as const) {
      const text = JSON.stringify({ ...config, ...wrong });
      expect(await refused({ 'adapter_config.json': text, 'adapter_model.safetensors': '' })).to.contain(words);
    }
    expect(
      await refused({ 'adapter_config.json': JSON.stringify(config), 'adapter_model.safetensors': 'x' }),
    ).to.contain('damaged');
    await importAdapter(host, new Uint8Array([1, 2, 3])).then(
      () => expect.fail('nothing was thrown'),
      (error) => expect(error).to.be.instanceOf(InputError),
    );
    expect(await sumOf('policy')).to.equal(policy);
  });

  it('goes on after a stop as if there had been none', async () => {
    const whole = metricsOf(await trained()).map(({ loss }) => loss);
    const first = await trained({ stopAfter: 2 });
    expect(first.at(-1)).to.deep.equal({ type: 'done', reason: 'stopped', step: 2 });
    const rest = metricsOf(await trained({ resume: structuredClone(checkpointOf(first)) }));
    expect([...metricsOf(first), ...rest].map(({ loss }) => loss)).to.deep.equal(whole);
  });

  it('shows mDPO a corrupted copy of each picture', async () => {
    const metrics = metricsOf(await trained({ objective: 'mdpo' }));
    expect(metrics[0].loss).to.be.closeTo(3 * Math.LN2, 1e-4);
    expect(metrics[5].loss).to.be.lessThan(metrics[0].loss - 0.05);
  });

  it('reads the whole vocabulary for TDPO and WPO, and shows POVID a noisy copy of each picture', async () => {
    for (const objective of ['tdpo1', 'tdpo2', 'wpo', 'povid_stage2_code']) {
      const [first, ...later] = metricsOf(await trained({ objective }));
      // Policy and reference are still one; WPO weighs what the policy would not have written below 1.
      if (objective === 'wpo') expect(first.loss).to.be.within(1e-6, Math.LN2);
      else expect(first.loss, objective).to.be.closeTo(Math.LN2, 1e-4);
      expect(later.at(-1)!.loss, objective).to.be.lessThan(0.99 * first.loss);
    }
  });

  it('ends a pause with a checkpoint and CancelledError', async () => {
    const controller = new AbortController();
    const events: TrainEvent[] = [];
    const error = await train(host, request, { ...context, signal: controller.signal }, (event) => {
      events.push(event);
      if (event.type === 'step') controller.abort();
    }).catch((reason) => reason);
    expect(error).to.be.instanceOf(CancelledError);
    expect(events.at(-1)!.type).to.equal('checkpoint');
    expect(checkpointOf(events).step).to.equal(1);
    expect(adapterFacts(host)).to.deep.include({ step: 1 });
  });

  it('samples answers to every picture and question once, and rewards them with CLIP', async () => {
    const pairs = [...request.pairs, { ...request.pairs[0], chosen: 'Another.' }];
    const config = { ...request.config, num_generations: 3, max_completion_length: 8, max_steps: 2 };
    const events = await trained({ objective: 'grpo', pairs, reward: 'clip', config });
    const [plan] = events;
    expect(plan.type === 'plan' && plan.plan.stepsPerEpoch).to.equal(2); // three prompts, two to a step
    expect(events.filter(({ type }) => type === 'rollout')).to.deep.equal([
      { type: 'rollout', done: 1, total: 2 },
      { type: 'rollout', done: 2, total: 2 },
      { type: 'rollout', done: 1, total: 1 },
    ]);
    const [first] = metricsOf(events);
    expect(first.reward).to.equal(first['rewards/clip/mean']);
    const { index, answers } = first.completions!;
    const { image } = [request.pairs[0], request.pairs[1], request.pairs[2]][index];
    const texts = answers.map(({ text }) => text);
    const scores = await clipScore(host, { image, texts }, context);
    for (const [i, { reward }] of answers.entries()) expect(reward).to.be.closeTo(scores[i], 1e-6);
    expect(checkpointOf(events).reward).to.deep.equal({ clip: 1 });
  });

  it('rewards the truth where it is known, and nowhere else', async () => {
    const { image } = request.pairs[0];
    const config = { ...request.config, num_generations: 2, max_completion_length: 8, max_steps: 1 };
    const prompts = [{ image, prompt, truth: { by: 'scene', objects: ['cat'], doubtful: [] } as const }];
    const given = { objective: 'rloo', pairs: [], prompts, reward: { truth: 2 }, config } as const;
    const [step] = metricsOf(await trained(given));
    expect(step.reward).to.equal(2 * step['rewards/truth/mean']!);
    for (const [changes, words] of [
      [{ prompts: [...prompts, { image, prompt: 'A photo?' }] }, 'that of prompt 2 is none of them'],
      [{ prompts: [] }, 'no picture to answer about'],
      [{ reward: { truth: 0 } }, 'could earn anything'],
      [{ objective: 'dpo_sigmoid', pairs: request.pairs }, 'samples none to reward'],
    ] as const) {
      const error = await trained({ ...given, ...changes } as Partial<TrainRequest>).catch((reason: Error) => reason);
      expect(error, words).to.be.instanceOf(InputError);
      expect((error as Error).message).to.contain(words);
    }
  });

  it('trains a critic beside the policy, which a file leaves behind', async () => {
    const config = { ...request.config, num_generations: 2, max_completion_length: 8 };
    const given = { objective: 'ppo_fact_rlhf', reward: 'clip', config } as const;
    const whole = metricsOf(await trained({ ...given, config: { ...config, max_steps: 3 } }));
    const begun = await trained({ ...given, config: { ...config, max_steps: 3 }, stopAfter: 2 });
    const rest = metricsOf(await trained({ ...given, resume: structuredClone(checkpointOf(begun)) }));
    expect(rest.map(({ loss, reward }) => [loss, reward])).to.deep.equal(
      whole.slice(2).map(({ loss, reward }) => [loss, reward]),
    );
    expect(adapterFacts(host)).not.to.have.property('rewardModel');
    const files = await unzip(new Blob([await exportAdapter(host)]));
    const saved = JSON.parse(new TextDecoder().decode(files.get('adapter_config.json')));
    expect(saved).to.include({ task_type: null, modules_to_save: null });
    const policy = await sumOf('policy');
    await importAdapter(host, await exportAdapter(host));
    expect(await sumOf('policy')).to.equal(policy);
  });

  it('refuses pairs and settings before it touches the adapter', async () => {
    await trained({ stopAfter: 1 });
    const facts = adapterFacts(host);
    const [pair] = request.pairs;
    for (const [given, words] of [
      [{ pairs: [] }, 'no pair'],
      [{ pairs: [{ ...pair, rejected: ' ' }] }, 'Pair 1 of 1: the rejected answer is empty'],
      [{ pairs: [{ ...pair, chosen: 'long '.repeat(200) }] }, 'reads at most'],
      [{ objective: 'nothing' }, 'no objective'],
      [{ objective: 'sppo_soft' }, 'beats the pool'],
      [{ hyperparameters: { beta: -1 } }, 'beta'],
      [{ config: { learning_rate: -1 } }, 'learning_rate'],
      [{ lora: { r: 0 } }, 'r is 0; it must be a whole number from 1'],
      [{ stopAfter: 0 }, 'stopAfter'],
    ] as const) {
      const error = await trained(given as Partial<TrainRequest>).catch((reason: Error) => reason);
      expect(error, words).to.be.instanceOf(InputError);
      expect((error as Error).message).to.contain(words);
    }
    expect(adapterFacts(host)).to.deep.equal(facts);
  });

  it('gives all memory back', async () => {
    const before = host.gpu!.liveBytes;
    await trained();
    expect(host.gpu!.liveBytes).to.be.greaterThan(before);
    dropAdapter(host);
    expect(host.gpu!.liveBytes).to.equal(before);
  });
});
