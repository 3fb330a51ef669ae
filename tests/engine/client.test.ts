import { expect } from '@esm-bundle/chai';
import { EngineClient, type EngineClientOptions } from '../../src/engine/client.ts';
import type { EngineState, SampleEvent } from '../../src/engine/engine.ts';
import {
  CancelledError,
  DeviceLostError,
  EngineError,
  EngineLostError,
  InputError,
  ModelFileError,
} from '../../src/errors.ts';
import { picture } from '../support/pictures.ts';
import { TINY_BASE_URL } from '../support/tiny-fetch.ts';

const MODELS = { vlm: 'tiny-vlm', clip: 'tiny-clip' };
const SAMPLE = { prompt: 'What is there?', n: 2, temperature: 1, topP: 1, maxTokens: 5, seed: 1 };
const DPO = { objective: 'dpo_sigmoid', hyperparameters: { beta: 0.1 } };
const ROW = { chosen: -10, rejected: -12, refChosen: -11, refRejected: -11 };
const FREEZE = { objective: 'freeze', hyperparameters: {}, rows: [ROW] };

/** A client over the tiny models; `query` as in `tiny-worker-setup.ts`. */
function client(query = '', limits: EngineClientOptions['limits'] = {}): EngineClient {
  const workerUrl = new URL(`../support/tiny-worker.ts${query}`, import.meta.url);
  return new EngineClient({ baseUrl: TINY_BASE_URL, workerUrl, limits });
}

async function caught(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error('nothing was thrown');
    },
    (error) => error,
  );
}

/** Settles when the state is of this kind. */
function reaches(engine: EngineClient, kind: EngineState['kind']): Promise<EngineState> {
  return new Promise((resolve) => {
    if (engine.state.kind === kind) resolve(engine.state);
    const stop = engine.onState((state) => {
      if (state.kind !== kind) return;
      stop();
      resolve(state);
    });
  });
}

async function collect(events: AsyncIterable<SampleEvent>): Promise<SampleEvent[]> {
  const all: SampleEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe('EngineClient over a real worker', () => {
  let engine: EngineClient;
  const states: EngineState['kind'][] = [];

  before(async () => {
    engine = client();
    engine.onState((state) => {
      if (states.at(-1) !== state.kind) states.push(state.kind);
    });
    await engine.load(MODELS);
  });

  after(() => engine.dispose());

  it('loads, and tells its states', () => {
    expect(states).to.deep.equal(['loading', 'ready']);
    expect(engine.state.kind).to.equal('ready');
    const { facts } = engine.state as Extract<EngineState, { kind: 'ready' }>;
    expect(facts.models.map((model) => model.id)).to.deep.equal(['tiny-vlm', 'tiny-clip']);
    expect(facts.device.adapter).to.not.equal('');
    expect(facts.loadMs).to.be.above(0);
  });

  it('answers every request', async () => {
    const image = await picture('a', 20);
    const progress: number[] = [];
    const events = await collect(engine.sample({ ...SAMPLE, image }, { onProgress: (done) => progress.push(done) }));
    expect(events.filter((event) => event.type === 'done').length).to.equal(2);
    expect(progress).to.deep.equal([1, 2]);
    const { n: _, prompt, ...drawn } = SAMPLE;
    const prompts = [prompt, 'Is there a cat?', 'Is there a dog?'].map((each) => ({ image, prompt: each }));
    const counted: [number, number][] = [];
    const answered: number[] = [];
    const onProgress = (done: number, total: number) => counted.push([done, total]);
    for await (const event of engine.sampleBatch({ ...drawn, prompts }, { onProgress })) answered.push(event.prompt);
    expect(answered.sort()).to.deep.equal([0, 1, 2]);
    expect(counted).to.deep.equal([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
    const one = await engine.logps({ image, prompt: 'p', response: 'a cat', model: 'policy' });
    const pair = await engine.pairLogps({ image, prompt: 'p', chosen: 'a cat', rejected: 'a dog' });
    expect(pair.row.chosen).to.be.closeTo(one.sum, 1e-3);
    expect(await engine.clipScore({ image, texts: ['a', 'b'] })).to.have.length(2);
    const evaluation = await engine.evaluate({ ...DPO, rows: [pair.row] });
    expect(evaluation.backend).to.equal('wgsl');
    expect(evaluation.batch.loss).to.be.closeTo(Math.LN2, 1e-6);
    const { liveBytes, peakBytes } = await engine.memory();
    expect(liveBytes).to.be.above(0);
    expect(peakBytes).to.be.at.least(liveBytes);
    const ran = (await engine.kernels()).filter((kernel) => kernel.runs > 0).map((kernel) => kernel.name);
    expect(ran).to.include('sequence-reduce');
  });

  it('brings errors back as their classes, and the next job is not touched', async () => {
    const image = await picture('a', 20);
    const bad = engine.logps({ image, prompt: '', response: 'a', model: 'policy' });
    const good = engine.logps({ image, prompt: 'p', response: 'a', model: 'policy' });
    const error = await caught(bad);
    expect(error).to.be.instanceOf(InputError);
    expect((error as InputError).subject).to.equal('prompt');
    expect((await good).length).to.equal(3);
  });

  it('cancels a sample in the middle and keeps the text so far', async () => {
    const image = await picture('a', 20);
    const controller = new AbortController();
    const events: SampleEvent[] = [];
    const read = async () => {
      for await (const event of engine.sample({ ...SAMPLE, image, maxTokens: 60 }, { signal: controller.signal })) {
        events.push(event);
        if (events.length === 3) controller.abort();
      }
    };
    expect(await caught(read())).to.be.instanceOf(CancelledError);
    const last = events.at(-1)!;
    expect(last.type === 'done' && last.candidate.finish).to.equal('cancelled');
  });

  it('stops sampling when the reader stops reading', async () => {
    const image = await picture('a', 20);
    const sent: string[] = [];
    const { postMessage } = Worker.prototype;
    Worker.prototype.postMessage = function (this: Worker, message: { type: string }) {
      sent.push(message.type);
      postMessage.call(this, message);
    };
    try {
      for await (const _ of engine.sample({ ...SAMPLE, image, maxTokens: 60 })) break;
      await engine.logps({ image, prompt: 'p', response: 'a', model: 'policy' });
    } finally {
      Worker.prototype.postMessage = postMessage;
    }
    expect(sent).to.deep.equal(['sample', 'cancel', 'logps']);
  });

  it('rejects a waiting job at once when it is cancelled', async () => {
    const image = await picture('a', 20);
    const controller = new AbortController();
    const running = collect(engine.sample({ ...SAMPLE, image, maxTokens: 20 }));
    const waiting = engine.logps({ image, prompt: 'p', response: 'a', model: 'policy' }, { signal: controller.signal });
    controller.abort();
    expect(await caught(waiting)).to.be.instanceOf(CancelledError);
    expect((await running).length).to.be.above(2);
    const aborted = engine.clipScore({ image, texts: ['a'] }, { signal: controller.signal });
    expect(await caught(aborted)).to.be.instanceOf(CancelledError);
  });

  it('keeps the loaded models when another load fails', async () => {
    const error = await caught(engine.load({ vlm: 'nobody', clip: 'tiny-clip' }));
    expect(error).to.be.instanceOf(InputError);
    expect(engine.state.kind).to.equal('ready');
    const image = await picture('a', 20);
    expect((await engine.clipScore({ image, texts: ['a'] })).length).to.equal(1);
  });

  it('a second load takes the place of the first', async () => {
    const states: EngineState['kind'][] = [];
    const stop = engine.onState(({ kind }) => states.push(kind));
    const first = caught(engine.load({ vlm: 'nobody', clip: 'tiny-clip' }));
    const second = engine.load(MODELS);
    expect(await first).to.be.instanceOf(Error);
    expect(engine.state.kind).to.equal('loading');
    await second;
    stop();
    expect(engine.state.kind).to.equal('ready');
    expect(states).to.not.include('unavailable');
  });

  it('after two loads that were cancelled the state says what is loaded', async () => {
    const controller = new AbortController();
    const first = engine.load(MODELS).catch((error) => error);
    const second = caught(engine.load({ vlm: 'nobody', clip: 'tiny-clip' }, { signal: controller.signal }));
    controller.abort();
    expect(await second).to.be.instanceOf(Error);
    await first;
    // The first one may have been cancelled before or after the models made room for it, or not in time.
    const works = await engine.clipScore({ image: await picture('a', 20), texts: ['a'] }).catch(() => null);
    expect(engine.state.kind).to.equal(works ? 'ready' : 'unavailable');
    await engine.load(MODELS);
    expect(engine.state.kind).to.equal('ready');
  });

  it('recovers from a lost device: requests in flight are told, the models come back', async () => {
    const image = await picture('a', 20);
    const restarting = reaches(engine, 'restarting');
    const inFlight = collect(engine.sample({ ...SAMPLE, image, maxTokens: 100 }));
    const error = caught(inFlight);
    await engine.destroyDevice();
    expect(await error).to.be.instanceOf(DeviceLostError);
    await restarting;
    await reaches(engine, 'ready');
    expect((await engine.logps({ image, prompt: 'p', response: 'a', model: 'policy' })).length).to.equal(3);
  });
});

describe('EngineClient when things go wrong', () => {
  let engine: EngineClient | undefined;

  afterEach(() => {
    engine?.dispose();
    engine = undefined;
  });

  it('evaluates before any model is loaded', async () => {
    engine = client();
    expect((await engine.evaluate({ ...DPO, rows: [ROW] })).backend).to.equal('f64');
    expect(await caught(engine.clipScore({ image: await picture('a'), texts: ['a'] }))).to.be.instanceOf(EngineError);
    expect(await engine.kernels()).to.be.an('array');
  });

  it('names the file that is damaged', async () => {
    engine = client('?damage=tiny-vlm/model.safetensors:truncated');
    const error = await caught(engine.load(MODELS));
    expect(error).to.be.instanceOf(ModelFileError);
    expect((error as ModelFileError).subject).to.equal('tiny-vlm/model.safetensors');
    expect(engine.state.kind).to.equal('unavailable');
  });

  it('cancels a load', async () => {
    engine = client('?slow=200');
    const controller = new AbortController();
    const load = engine.load(MODELS, { signal: controller.signal });
    setTimeout(() => controller.abort(), 300);
    expect(await caught(load)).to.be.instanceOf(CancelledError);
    expect(engine.state).to.have.nested.property('error.name', 'CancelledError');
  });

  it('replaces a worker that does not react to a cancel', async () => {
    engine = client('', { cancelMs: 400 });
    await engine.load(MODELS);
    const controller = new AbortController();
    const frozen = engine.evaluate(FREEZE, { signal: controller.signal });
    const restarting = reaches(engine, 'restarting');
    setTimeout(() => controller.abort(), 100);
    expect(await caught(frozen)).to.be.instanceOf(CancelledError);
    await restarting;
    await reaches(engine, 'ready');
    const image = await picture('a', 20);
    expect((await engine.clipScore({ image, texts: ['a'] })).length).to.equal(1);
  });

  it('replaces a worker that falls silent during a job', async () => {
    // Long enough for the next worker to start on a busy machine.
    engine = client('', { silentMs: 6000 });
    const frozen = caught(engine.evaluate(FREEZE));
    const behind = caught(engine.evaluate({ ...DPO, rows: [ROW] }));
    for (const error of [await frozen, await behind]) {
      expect(error).to.be.instanceOf(EngineLostError);
      expect(error.message).to.contain('restarted');
    }
    expect((await engine.evaluate({ ...DPO, rows: [ROW] })).backend).to.equal('f64');
  });

  it('gives up after restarting does not help', async () => {
    engine = client('', { silentMs: 300 });
    for (let i = 0; i < 4; i++) await caught(engine.evaluate(FREEZE));
    expect(engine.state.kind).to.equal('unavailable');
  });

  it('says so when the script cannot be loaded', async () => {
    const workerUrl = new URL('../support/no-such-worker.ts', import.meta.url);
    engine = new EngineClient({ baseUrl: TINY_BASE_URL, workerUrl });
    expect(await caught(engine.load(MODELS))).to.be.instanceOf(EngineError);
    expect(engine.state.kind).to.equal('unavailable');
  });
});
