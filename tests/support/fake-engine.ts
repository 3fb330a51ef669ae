/**
 * An engine without a GPU, for tests of state and components: answers are made up from their inputs by simple rules,
 * so that a test can say what to expect; every call can be held back, refused or watched.
 */
import type {
  CallOptions,
  Candidate,
  ClipRequest,
  Divergence,
  DivergenceRequest,
  Engine,
  EngineFacts,
  EngineState,
  EvaluateRequest,
  Evaluation,
  KernelReport,
  LogpsRequest,
  LogpsResult,
  LookRequest,
  MemoryReport,
  PairLogps,
  PairLogpsRequest,
  SampleBatchEvent,
  SampleBatchRequest,
  SampleEvent,
  SampleRequest,
  TokenScore,
  TrainEvent,
  TrainPlan,
  TrainRequest,
} from '../../src/engine/engine.ts';
import { throwIfCancelled, toErrorData } from '../../src/errors.ts';
import { evaluateF64 } from '../../src/kernels/losses/evaluate.ts';
import type { Seen } from '../../src/photographs/index.ts';
import { FakeTraining } from './fake-training.ts';

export const FAKE_FACTS: EngineFacts = {
  device: {
    adapter: 'fake adapter',
    isFallback: true,
    features: ['timestamp-query'],
    limits: { maxBufferSize: 268435456 },
    selfCheck: [{ name: 'linear-f16', ok: true, maxError: 1e-6 }],
  },
  models: [
    {
      id: 'toybox-vlm',
      label: 'Toybox VLM',
      kind: 'vlm',
      world: 'toybox',
      licence: 'MIT',
      bytes: 12_000_000,
      provider: 'webgpu',
    },
    {
      id: 'toybox-clip',
      label: 'Toybox CLIP',
      kind: 'clip',
      world: 'toybox',
      licence: 'MIT',
      bytes: 5_000_000,
      provider: 'wasm',
    },
  ],
  loadMs: 12,
};

/** Words with their spaces: joined again they give the text. */
const wordsOf = (text: string): string[] => text.match(/\s*\S+/g) ?? [];

/** A token's log-probability follows from its letters: between -2.5 and 0. */
export function fakeLogp(text: string): number {
  const sum = [...text].reduce((total, letter) => total + letter.charCodeAt(0), 0);
  return -(sum % 50) / 20 - 0.01;
}

export function fakeTokens(text: string): TokenScore[] {
  const words = wordsOf(text);
  return [...words, '<end_of_utterance>'].map((word, id) => {
    const logp = fakeLogp(word);
    return {
      id,
      text: word,
      ...(id === words.length && { special: true as const }),
      logp,
      entropy: 1,
      top1: Math.exp(logp),
    };
  });
}

export function fakeLogps(text: string): LogpsResult {
  const tokens = fakeTokens(text);
  return { tokens, sum: tokens.reduce((sum, token) => sum + token.logp, 0), length: tokens.length };
}

/** Longer texts score higher. */
export const fakeClip = (text: string): number => Math.min(0.9, 0.1 + text.length / 200);

type Method =
  | 'load'
  | 'sample'
  | 'sampleBatch'
  | 'logps'
  | 'pairLogps'
  | 'divergence'
  | 'clipScore'
  | 'look'
  | 'evaluate'
  | 'train'
  | 'plan';

export class FakeEngine implements Engine {
  #state: EngineState = { kind: 'idle' };
  #listeners = new Set<(state: EngineState) => void>();
  /** Its `limit` decides which runs fit. */
  readonly training = new FakeTraining();

  /** What `sample` answers, by index; repeated when more are asked for. */
  answers = ['A cat on the grass.', 'A cat and a ball of yarn on the grass.', 'A dog.', 'There is a cat and a sun.'];
  /** What an adapter adds to the log-probability of a word. */
  moved: (word: string) => number = () => 0;
  /** Calls so far, in order. */
  calls: { method: Method; request: unknown }[] = [];
  /** Called before every unit of work (a token, a request): await here to hold the engine, throw to make it fail. */
  before: (method: Method, request: unknown) => void | Promise<void> = () => {};

  get state(): EngineState {
    return this.#state;
  }

  setState(state: EngineState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }

  onState(listener: (state: EngineState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls of one method. */
  callsOf(method: Method): unknown[] {
    return this.calls.filter((call) => call.method === method).map((call) => call.request);
  }

  async load(models: { vlm: string; clip: string }, options: CallOptions = {}): Promise<EngineFacts> {
    const before = this.#state;
    this.setState({ kind: 'loading', progress: null });
    try {
      await this.#enter('load', models, options);
    } catch (error) {
      this.setState(before.kind === 'ready' ? before : { kind: 'unavailable', error: toErrorData(error) });
      throw error;
    }
    const facts = {
      ...FAKE_FACTS,
      models: FAKE_FACTS.models.map((model) => {
        const id = model.kind === 'vlm' ? models.vlm : models.clip;
        return { ...model, id, world: id.startsWith('toybox') ? ('toybox' as const) : ('photographs' as const) };
      }),
    };
    this.setState({ kind: 'ready', facts });
    return facts;
  }

  async *sample(request: SampleRequest, options: CallOptions = {}): AsyncIterable<SampleEvent> {
    this.calls.push({ method: 'sample', request });
    for (let index = 0; index < request.n; index++) {
      const candidate = this.#candidate(index, request.maxTokens);
      for (const token of candidate.tokens) {
        await this.before('sample', request);
        throwIfCancelled(options.signal);
        yield { type: 'token', index, token };
      }
      yield { type: 'done', index, candidate };
    }
  }

  /** Every prompt gets the first of `answers`; the last prompt's comes first. */
  async *sampleBatch(request: SampleBatchRequest, options: CallOptions = {}): AsyncIterable<SampleBatchEvent> {
    this.calls.push({ method: 'sampleBatch', request });
    const { length } = request.prompts;
    for (let done = 1; done <= length; done++) {
      const candidate = this.#candidate(0, request.maxTokens);
      await this.before('sampleBatch', request);
      throwIfCancelled(options.signal);
      options.onProgress?.(done, length);
      yield { prompt: length - done, candidate };
    }
  }

  async logps(request: LogpsRequest, options: CallOptions = {}): Promise<LogpsResult> {
    await this.#enter('logps', request, options);
    const known = fakeLogps(request.response);
    if (request.model === 'reference' || !(await this.adapter.facts())) return known;
    const tokens = known.tokens.map((token) => ({ ...token, logp: token.logp + this.moved(token.text) }));
    return { ...known, tokens, sum: tokens.reduce((sum, { logp }) => sum + logp, 0) };
  }

  async pairLogps(request: PairLogpsRequest, options: CallOptions = {}): Promise<PairLogps> {
    await this.#enter('pairLogps', request, options);
    const chosen = fakeLogps(request.chosen);
    const rejected = fakeLogps(request.rejected);
    const row = {
      chosen: chosen.sum,
      rejected: rejected.sum,
      refChosen: chosen.sum,
      refRejected: rejected.sum,
      chosenLength: chosen.length,
      rejectedLength: rejected.length,
      chosenLogRatio: 0,
      rejectedLogRatio: 0,
    };
    return { row, chosen, rejected };
  }

  /** Every answer has ten tokens; the policy moves 0.02 nats per token and step. */
  async divergence(request: DivergenceRequest, options: CallOptions = {}): Promise<Divergence> {
    await this.#enter('divergence', request, options);
    const step = (await this.adapter.facts())?.step ?? 0;
    return { answers: Array.from({ length: request.n }, () => ({ tokens: 10, kl: 10 * 0.02 * step })) };
  }

  async clipScore(request: ClipRequest, options: CallOptions = {}): Promise<number[]> {
    await this.#enter('clipScore', request, options);
    return request.texts.map(fakeClip);
  }

  /** What the detector sees in every picture. */
  sees: Seen['things'] = [];
  /** Its error rates. */
  judged: Seen['judged'] = { pictures: 320, flags_agreed: 0.05, flags_swapped: 0.9 };

  async look(request: LookRequest, options: CallOptions = {}): Promise<Seen> {
    await this.#enter('look', request, options);
    return { by: 'photo-detector', things: this.sees, ...(this.judged && { judged: this.judged }) };
  }

  async evaluate(request: EvaluateRequest, options: CallOptions = {}): Promise<Evaluation> {
    await this.#enter('evaluate', request, options);
    return { ...evaluateF64(request), backend: 'wgsl' };
  }

  train(request: TrainRequest, options: CallOptions = {}): AsyncIterable<TrainEvent> {
    this.calls.push({ method: 'train', request });
    return this.training.train(request, options, () => this.before('train', request));
  }

  async plan(request: TrainRequest, options: CallOptions = {}): Promise<TrainPlan> {
    await this.#enter('plan', request, options);
    return this.training.plan(request);
  }

  /** How often somebody did not want to wait. */
  stops = 0;

  stopNow(): void {
    this.stops += 1;
  }

  get adapter() {
    return this.training.adapter;
  }

  async kernels(): Promise<KernelReport[]> {
    return [
      {
        name: 'rms-norm',
        files: [
          {
            path: 'src/kernels/rms-norm/rms-norm.wgsl',
            code: '// y = x / rms(x) * w\n@compute @workgroup_size(64) fn main() {}',
          },
        ],
        bindings: [{ name: 'x', access: 'read', dtype: 'f32', dims: 'rows, cols' }],
        last: { shapes: { x: [7, 64] }, workgroups: [7, 1, 1] },
        lastMicroseconds: 42,
        runs: 3,
      },
    ];
  }

  async memory(): Promise<MemoryReport> {
    return { liveBytes: 1024, peakBytes: 4096 };
  }

  async destroyDevice(): Promise<void> {
    this.setState({ kind: 'restarting', reason: 'The GPU device was lost.' });
    this.setState({ kind: 'ready', facts: FAKE_FACTS });
  }

  dispose(): void {
    this.#listeners.clear();
  }

  #candidate(index: number, maxTokens: number): Candidate {
    const all = fakeTokens(this.answers[index % this.answers.length]);
    const tokens = all.slice(0, maxTokens);
    const finish = tokens.length === all.length ? 'stop' : 'length';
    const logpSum = tokens.reduce((sum, token) => sum + token.logp, 0);
    const words = finish === 'stop' ? tokens.slice(0, -1) : tokens;
    return { index, text: words.map((word) => word.text).join(''), tokens, logpSum, finish };
  }

  async #enter(method: Method, request: unknown, options: CallOptions = {}): Promise<void> {
    this.calls.push({ method, request });
    await this.before(method, request);
    throwIfCancelled(options.signal);
  }
}
