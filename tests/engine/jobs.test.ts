import { expect } from '@esm-bundle/chai';
import type { EngineFacts, LoadProgress, SampleBatchEvent, SampleEvent } from '../../src/engine/engine.ts';
import { clipScore } from '../../src/engine/jobs/clip.ts';
import { evaluate } from '../../src/engine/jobs/evaluate.ts';
import type { EngineHost, JobContext } from '../../src/engine/jobs/host.ts';
import { loadModels, unload } from '../../src/engine/jobs/load.ts';
import { logps, pairLogps } from '../../src/engine/jobs/logps.ts';
import { sample } from '../../src/engine/jobs/sample.ts';
import { sampleBatch } from '../../src/engine/jobs/sample-batch.ts';
import { CancelledError, EngineError, InputError, ModelFileError } from '../../src/errors.ts';
import { liveGpuOutputs } from '../../src/models/ort.ts';
import { picture } from '../support/pictures.ts';
import { sharedGpu } from '../support/shared-gpu.ts';
import { type Damage, serveTinyModels, TINY_BASE_URL } from '../support/tiny-fetch.ts';
import { MAX_POSITIONS } from '../support/tiny-model.ts';

const context: JobContext = { signal: new AbortController().signal, onProgress: () => undefined };
const settings = { prompt: 'What is there?', n: 3, temperature: 1, topP: 0.95, maxTokens: 6, seed: 5 };

async function load(
  host: EngineHost,
  onProgress: (progress: LoadProgress) => void = () => undefined,
  vlm = 'tiny-vlm',
) {
  const request = { vlm, clip: 'tiny-clip', baseUrl: TINY_BASE_URL };
  return loadModels(host, request, { signal: context.signal, onProgress, onDevice: () => undefined });
}

async function caught(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error('nothing was thrown');
    },
    (error) => error,
  );
}

describe('engine jobs on tiny models', () => {
  let host: EngineHost;
  let facts: EngineFacts;
  const progress: LoadProgress[] = [];

  before(async () => {
    host = { gpu: await sharedGpu(), vlm: null, clip: null };
    const restore = serveTinyModels();
    facts = await load(host, (item) => progress.push(item));
    restore();
  });

  after(() => unload(host));

  it('tells bytes, then compile, check and warm-up', () => {
    const stages = [...new Set(progress.map((item) => item.stage))];
    expect(stages).to.deep.equal(['download', 'compile', 'check', 'warm-up']);
    const last = progress.filter((item) => item.stage === 'download').at(-1)!;
    expect(last.done).to.equal(last.total);
    expect(last.total).to.equal(facts.models.reduce((sum, model) => sum + model.bytes, 0));
  });

  it('reports where the towers run and how well the providers agree', () => {
    const [vlm, clip] = facts.models;
    expect(vlm).to.include({ id: 'tiny-vlm', kind: 'vlm', provider: 'webgpu' });
    for (const model of [vlm, clip]) {
      expect(model.agreement).to.be.below(1e-3);
      expect(model.note).to.contain('agree');
    }
  });

  it('samples answers whose log-probabilities scoring confirms', async () => {
    const image = await picture('a', 20);
    const events: SampleEvent[] = [];
    await sample(host, { ...settings, image }, context, (event) => events.push(event));
    const done = events.flatMap((event) => (event.type === 'done' ? [event.candidate] : []));
    expect(done.map((candidate) => candidate.index).sort()).to.deep.equal([0, 1, 2]);
    for (const candidate of done) {
      const streamed = events.flatMap((event) =>
        event.type === 'token' && event.index === candidate.index ? [event.token] : [],
      );
      expect(streamed).to.deep.equal([...candidate.tokens]);
      expect(candidate.logpSum).to.be.closeTo(
        candidate.tokens.reduce((sum, token) => sum + token.logp, 0),
        1e-9,
      );
      expect(candidate.finish).to.equal(candidate.tokens.length === 6 ? 'length' : 'stop');
    }
    const again: SampleEvent[] = [];
    await sample(host, { ...settings, image }, context, (event) => again.push(event));
    expect(again).to.deep.equal(events);
  });

  it('answers many prompts as it would each alone', async () => {
    const prompts = await Promise.all(
      Array.from({ length: 70 }, async (_, i) => ({
        image: await picture(`batch ${i % 3}`, 20, 40 * (i % 3)),
        prompt: ['What is there?', 'Is there a cat in the picture?'][i % 2],
      })),
    );
    const { n: _, prompt: __, ...drawn } = settings;
    const events: SampleBatchEvent[] = [];
    const progress: [number, number][] = [];
    const onProgress = (done: number, total: number) => progress.push([done, total]);
    await sampleBatch(host, { ...drawn, prompts }, { ...context, onProgress }, (event) => events.push(event));
    expect(progress).to.deep.equal(prompts.map((_, i) => [i + 1, 70]));
    expect(events.map(({ prompt }) => prompt).sort((a, b) => a - b)).to.deep.equal([...prompts.keys()]);
    for (const place of [0, 1, 2, 69]) {
      const alone: SampleEvent[] = [];
      await sample(host, { ...drawn, ...prompts[place], n: 1 }, context, (event) => alone.push(event));
      const { candidate } = events.find(({ prompt }) => prompt === place)!;
      expect(alone.at(-1)).to.deep.equal({ type: 'done', index: 0, candidate });
    }
  });

  it('answers no further prompt once cancelled, and names the prompt that cannot be used', async () => {
    const image = await picture('a', 20);
    const { n: _, prompt: __, ...drawn } = settings;
    const controller = new AbortController();
    const prompts = Array.from({ length: 80 }, (_, i) => ({ image, prompt: `Number ${i}?` }));
    const events: SampleBatchEvent[] = [];
    const run = sampleBatch(host, { ...drawn, prompts }, { ...context, signal: controller.signal }, (event) => {
      events.push(event);
      controller.abort();
    });
    expect(await caught(run)).to.be.instanceOf(CancelledError);
    expect(events.length).to.be.within(1, 64);
    expect(host.gpu!.openScopes().filter(({ label }) => label.startsWith('generate'))).to.deep.equal([]);
    const good = { image, prompt: 'What is there?' };
    for (const [change, words] of [
      [{ prompts: [] }, 'There is no prompt'],
      [{ prompts: [good, { image, prompt: ' ' }] }, 'Prompt 2 of 2: the prompt is empty'],
      [{ prompts: [good, good, { image, prompt: 'x'.repeat(MAX_POSITIONS) }] }, 'Prompt 3 of 3: the prompt takes'],
      [{ prompts: [{ image: { id: 'bad', blob: new Blob(['?']) }, prompt: 'p' }] }, 'Prompt 1 of 1: '],
      [{ prompts: [good], topP: 0 }, 'Top-p'],
    ] as const) {
      const error = await caught(sampleBatch(host, { ...drawn, ...change }, context, () => undefined));
      expect(error, words).to.be.instanceOf(InputError);
      expect(error.message).to.contain(words);
    }
  });

  it('scores an answer the same alone and in a pair, and the reference like the policy', async () => {
    const image = await picture('a', 20);
    const request = { image, prompt: settings.prompt };
    const alone = await logps(host, { ...request, response: 'a cat', model: 'policy' }, context);
    const reference = await logps(host, { ...request, response: 'a cat', model: 'reference' }, context);
    expect(reference).to.deep.equal(alone);
    expect(alone.tokens.map((token) => token.text).join('')).to.equal(' a cat<end_of_utterance>');
    expect(alone.length).to.equal(7);
    const pair = await pairLogps(host, { ...request, chosen: 'a cat', rejected: 'two grey dogs' }, context);
    expect(pair.chosen.sum).to.be.closeTo(alone.sum, 1e-3);
    expect(pair.row.chosen).to.be.closeTo(alone.sum, 1e-3);
    expect(pair.row).to.include({ chosenLength: 7, rejectedLength: 15, chosenLogRatio: 0, rejectedLogRatio: 0 });
    expect(pair.row.refRejected).to.equal(pair.row.rejected);
    // One model, so nothing is apart. The first token, a space, is what both answers share.
    expect(pair.row).to.include({ sequenceKlChosen: 0, sequenceKlRejected: 0, rejectedTailLogRatio: 0 });
    expect(pair.row).to.include({ chosenChangedLength: 6, rejectedChangedLength: 14, rejectedChangedLogRatio: 0 });
    for (const weight of [pair.row.wpoWeightChosen!, pair.row.wpoWeightRejected!]) {
      expect(weight).to.be.within(1e-6, 10);
    }
    for (const { logp, entropy, top1 } of pair.rejected.tokens) {
      expect(logp).to.be.below(0);
      expect(entropy).to.be.within(0, Math.log(300));
      expect(top1).to.be.within(0, 1);
    }
  });

  it('an answer depends on the picture', async () => {
    const request = { prompt: settings.prompt, response: 'a cat', model: 'policy' } as const;
    const one = await logps(host, { ...request, image: await picture('a', 20) }, context);
    const other = await logps(host, { ...request, image: await picture('b', 20, 128) }, context);
    expect(one.sum).to.not.be.closeTo(other.sum, 1e-6);
  });

  it('compares texts with a picture', async () => {
    const image = await picture('a', 20);
    const texts = ['a cat', 'a dog', 'a cat', 'x'.repeat(400)];
    const scores = await clipScore(host, { image, texts }, context);
    expect(scores.length).to.equal(4);
    for (const score of scores) expect(score).to.be.within(-1.0001, 1.0001);
    expect(scores[0]).to.equal(scores[2]);
    expect(scores[0]).to.not.equal(scores[1]);
  });

  it('evaluates on the GPU what it evaluates in float64 without one', async () => {
    const rows = [{ chosen: -10, rejected: -12, refChosen: -11, refRejected: -11, chosenLength: 5, rejectedLength: 6 }];
    const request = { objective: 'dpo_sigmoid', hyperparameters: { beta: 0.1 }, rows };
    const onGpu = await evaluate(host, request);
    const inF64 = await evaluate({ gpu: null, vlm: null, clip: null }, request);
    expect([onGpu.backend, inF64.backend]).to.deep.equal(['wgsl', 'f64']);
    expect(onGpu.batch.loss).to.be.closeTo(inF64.batch.loss, 1e-6);
    expect(inF64.batch.loss).to.be.closeTo(Math.log1p(Math.exp(-0.1 * 2)), 1e-12);
  });

  it('keeps the text so far when cancelled in the middle', async () => {
    const controller = new AbortController();
    const events: SampleEvent[] = [];
    const request = { ...settings, image: await picture('a', 20), maxTokens: 60 };
    const run = sample(host, request, { ...context, signal: controller.signal }, (event) => {
      events.push(event);
      if (events.length === 7) controller.abort();
    });
    expect(await caught(run)).to.be.instanceOf(CancelledError);
    const done = events.flatMap((event) => (event.type === 'done' ? [event.candidate] : []));
    expect(done.some((candidate) => candidate.finish === 'cancelled' && candidate.tokens.length > 0)).to.equal(true);
    const tokens = events.filter((event) => event.type === 'token').length;
    expect(done.reduce((sum, candidate) => sum + candidate.tokens.length, 0)).to.equal(tokens);
  });

  it('refuses what cannot be used, in sentences with numbers', async () => {
    const image = await picture('a', 20);
    const trySample = (change: object) =>
      caught(sample(host, { ...settings, image, ...change }, context, () => undefined));
    for (const [change, words] of [
      [{ prompt: '  ' }, 'prompt is empty'],
      [{ n: 0 }, '1 to 16'],
      [{ n: 17 }, 'is 17'],
      [{ temperature: Number.NaN }, 'NaN'],
      [{ topP: 0 }, 'Top-p'],
      [{ maxTokens: 0.5 }, '0.5'],
      [{ seed: 1.5 }, 'seed'],
      [{ prompt: 'an <image>' }, '<image>'],
      [{ prompt: 'x'.repeat(MAX_POSITIONS) }, String(MAX_POSITIONS)],
      [{ maxTokens: MAX_POSITIONS }, String(MAX_POSITIONS)],
      [{ image: { id: 'bad', blob: new Blob(['?']) } }, 'cannot be decoded'],
    ] as const) {
      const error = await trySample(change);
      expect(error, words).to.be.instanceOf(InputError);
      expect(error.message).to.contain(words);
    }
    const score = { image, prompt: 'p', response: 'y'.repeat(200), model: 'policy' } as const;
    expect((await caught(logps(host, score, context))).message).to.contain(String(MAX_POSITIONS));
    expect(await caught(clipScore(host, { image, texts: [''] }, context))).to.be.instanceOf(InputError);
  });

  it('says so when no model is loaded', async () => {
    const empty: EngineHost = { gpu: null, vlm: null, clip: null };
    const request = { image: await picture('a'), prompt: 'p', response: 'r', model: 'policy' } as const;
    expect(await caught(logps(empty, request, context))).to.be.instanceOf(EngineError);
  });

  it('holds no more memory after many jobs than after one', async () => {
    const image = await picture('leak', 20);
    const round = async () => {
      await sample(host, { ...settings, image }, context, () => undefined);
      const prompts = [settings.prompt, 'Is there?'].map((prompt) => ({ image, prompt }));
      await sampleBatch(host, { ...settings, prompts }, context, () => undefined);
      await pairLogps(host, { image, prompt: 'p', chosen: 'a', rejected: 'b' }, context);
      await clipScore(host, { image, texts: ['a'] }, context);
    };
    await round();
    const before = host.gpu!.liveBytes;
    for (let i = 0; i < 5; i++) await round();
    expect(host.gpu!.liveBytes).to.equal(before);
    expect(liveGpuOutputs()).to.equal(0);
  });

  it('gives the memory back when another model takes the place', async () => {
    const restore = serveTinyModels();
    const before = host.gpu!.openScopes().length;
    await load(host);
    restore();
    expect(host.gpu!.openScopes().length).to.equal(before);
  });

  for (const [path, how, words] of [
    ['tiny-vlm/model.safetensors', 'missing', '404'],
    ['tiny-vlm/tokenizer.json', 'html', 'web page'],
    ['tiny-vlm/model.safetensors', 'truncated', 'damaged'],
    ['tiny-vlm/model.safetensors', 'flipped', ''],
    ['tiny-vlm/onnx/vision_encoder.onnx', 'flipped', 'damaged'],
    ['tiny-clip/onnx/text_model.onnx', 'truncated', 'damaged'],
    ['tiny-vlm/tokenizer.json', 'flipped', 'JSON'],
  ] as const satisfies readonly (readonly [string, Damage, string])[]) {
    it(`names ${path} when it is ${how}`, async () => {
      const fresh: EngineHost = { gpu: host.gpu, vlm: null, clip: null };
      const scopes = host.gpu!.openScopes().length;
      const restore = serveTinyModels({ path, how });
      const error = await caught(load(fresh));
      restore();
      await unload(fresh);
      expect(error).to.be.instanceOf(ModelFileError);
      expect(error.message).to.contain(words);
      expect((error as ModelFileError).subject).to.contain(path.split('/')[0]);
      expect(error.message).to.contain(path.split('/')[0]);
      expect(host.gpu!.openScopes().length).to.equal(scopes);
    });
  }

  it('names an unknown model', async () => {
    const restore = serveTinyModels();
    const error = await caught(load({ gpu: host.gpu, vlm: null, clip: null }, undefined, 'nobody'));
    restore();
    expect(error).to.be.instanceOf(InputError);
    expect(error.message).to.contain('tiny-vlm');
  });
});
