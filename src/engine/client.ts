/**
 * The page's side of the engine: the only place that makes the worker. Gives requests ids, turns events back into
 * promises and streams, cancels softly, and replaces a worker that froze or lost its device.
 */
import {
  CancelledError,
  DeviceLostError,
  EngineError,
  EngineLostError,
  fromErrorData,
  InputError,
  toErrorData,
} from '../errors.ts';
import type { Engine, EngineFacts, EngineState } from './engine.ts';
import type { EngineEvent, EngineRequest, LoadRequest, Results, StreamedEvent } from './protocol.ts';
import { type Call, EngineRequests, type SubmitOptions, type Unnumbered } from './requests.ts';
import { DEFAULT_LIMITS, Watchdog, type WatchdogLimits } from './watchdog.ts';

export interface EngineClientOptions {
  /** Absolute URL of the models folder, with a trailing slash. Default: `models/` beside the page. */
  readonly baseUrl?: string;
  /** Another worker script, for tests of the watchdog. */
  readonly workerUrl?: URL;
  readonly limits?: Partial<WatchdogLimits>;
}

interface Pending {
  readonly call: Call;
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress?: (done: number, total: number) => void;
  readonly onEvent?: (event: StreamedEvent) => void;
  cancelledAt: number | null;
}

const TICK_MS = 250;

/** More restarts than this within `RESTART_WINDOW_MS` mean that restarting does not help. */
const MAX_RESTARTS = 3;
const RESTART_WINDOW_MS = 60_000;

/** What there is to say when a person cancelled the load and nothing was loaded before. */
function unloaded(): CancelledError {
  return new CancelledError(
    'Loading the models was cancelled. Files already fetched are kept; try again when you like.',
  );
}

export class EngineClient extends EngineRequests implements Engine {
  private current: EngineState = { kind: 'idle' };
  private readonly listeners = new Set<(state: EngineState) => void>();
  private readonly pending = new Map<number, Pending>();
  private readonly limits: WatchdogLimits;
  private readonly watchdog: Watchdog;
  private worker: Worker;
  private running: number | null = null;
  private nextId = 1;
  private ticker: ReturnType<typeof setInterval> | undefined;
  /** The load to repeat after a restart, and what it gave. */
  private loaded: { readonly request: LoadRequest; readonly facts: EngineFacts } | null = null;
  private restarts: number[] = [];

  constructor(private readonly options: EngineClientOptions = {}) {
    super();
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.watchdog = new Watchdog(this.limits, performance.now());
    this.worker = this.spawn();
  }

  get state(): EngineState {
    return this.current;
  }

  onState(listener: (state: EngineState) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async load(models: { vlm: string; clip: string }, options: { signal?: AbortSignal } = {}): Promise<EngineFacts> {
    const request: LoadRequest = {
      ...models,
      baseUrl: this.options.baseUrl ?? new URL('models/', document.baseURI).href,
    };
    this.setState({ kind: 'loading', progress: null });
    const facts = await this.submit({ type: 'load', request }, options);
    this.loaded = { request, facts };
    this.setState({ kind: 'ready', facts });
    return facts;
  }

  dispose(): void {
    this.worker.terminate();
    this.rejectAll(() => new CancelledError('The engine was closed.'));
    this.setState({ kind: 'idle' });
    this.listeners.clear();
  }

  protected override submit<T extends Call['type']>(
    message: Extract<Unnumbered<Call>, { type: T }>,
    { signal, onProgress, onEvent }: SubmitOptions = {},
  ): Promise<Results[T]> {
    if (signal?.aborted) return Promise.reject(new CancelledError());
    const call = { ...message, id: this.nextId++ } as Call;
    const promise = new Promise<Results[T]>((resolve, reject) => {
      this.pending.set(call.id, { call, resolve, reject, onProgress, onEvent, cancelledAt: null });
    });
    const cancel = () => this.cancel(call.id);
    signal?.addEventListener('abort', cancel);
    const done = () => signal?.removeEventListener('abort', cancel);
    promise.then(done, done);
    try {
      this.send(call);
    } catch (cause) {
      this.settle(call.id)?.reject(new InputError(`The request cannot be sent: ${(cause as Error).message}`));
    }
    return promise;
  }

  private send(request: EngineRequest): void {
    if (this.running === null) this.watchdog.sign(performance.now());
    this.worker.postMessage(request);
    this.ticker ??= setInterval(() => this.tick(), TICK_MS);
  }

  private cancel(id: number): void {
    const entry = this.pending.get(id);
    if (!entry || entry.cancelledAt !== null) return;
    entry.cancelledAt = performance.now();
    this.send({ type: 'cancel', id });
  }

  private receive(event: EngineEvent): void {
    this.watchdog.sign(performance.now());
    switch (event.type) {
      case 'heartbeat':
        break;
      case 'started':
        this.running = event.id;
        break;
      case 'loadProgress':
        if (this.current.kind === 'loading') this.setState({ kind: 'loading', progress: event.progress });
        break;
      case 'progress':
        this.pending.get(event.id)?.onProgress?.(event.done, event.total);
        break;
      case 'sample':
      case 'sampleBatch':
      case 'train':
        this.pending.get(event.id)?.onEvent?.(event.event);
        break;
      case 'result':
        this.settle(event.id)?.resolve(event.result as never);
        break;
      case 'error': {
        const entry = this.settle(event.id);
        const error = fromErrorData(event.error);
        if (entry?.call.type === 'load') this.loadFailed(error, event.modelsKept ?? false);
        entry?.reject(error);
        break;
      }
      case 'deviceLost':
        this.restart('The GPU device was lost; the models are being loaded again.', new DeviceLostError(event.message));
        break;
      default:
        event satisfies never;
    }
  }

  /** Takes a call off the books. */
  private settle(id: number): Pending | undefined {
    const entry = this.pending.get(id);
    this.pending.delete(id);
    if (this.running === id) this.running = null;
    if (this.pending.size === 0) this.stopTicker();
    return entry;
  }

  private loadFailed(error: Error, modelsKept: boolean): void {
    if (modelsKept && this.loaded) {
      this.setState({ kind: 'ready', facts: this.loaded.facts });
      return;
    }
    this.loaded = null;
    this.setState({ kind: 'unavailable', error: toErrorData(error instanceof CancelledError ? unloaded() : error) });
  }

  private tick(): void {
    const entry = this.running === null ? undefined : this.pending.get(this.running);
    const work =
      this.pending.size === 0
        ? null
        : { loading: entry?.call.type === 'load', cancelledAt: entry?.cancelledAt ?? null };
    if (!this.watchdog.tick(performance.now(), work)) return;
    this.restart(
      'The engine stopped answering and is being restarted.',
      new EngineLostError(
        'The engine stopped answering and was restarted. Pairs, images and settings are kept; try again.',
      ),
    );
  }

  /** Hard cancel: a new worker takes over and loads the same models; everything in flight is rejected with `error`. */
  private restart(reason: string, error: Error): void {
    this.worker.terminate();
    const loads = [...this.pending.values()].filter(({ call }) => call.type === 'load');
    const unwanted = loads.every(({ cancelledAt }) => cancelledAt !== null);
    this.rejectAll((entry) => (entry.cancelledAt === null ? error : new CancelledError()));
    this.worker = this.spawn();

    const now = performance.now();
    this.restarts = [...this.restarts.filter((at) => now - at < RESTART_WINDOW_MS), now];
    if (this.restarts.length > MAX_RESTARTS) {
      this.loaded = null;
      const hopeless = `${error.message} This happened ${this.restarts.length} times within a minute. Close other tabs that use the GPU, then reload the page.`;
      this.setState({ kind: 'unavailable', error: { ...toErrorData(error), message: hopeless } });
    } else if (this.loaded) {
      void this.reload(this.loaded.request, reason);
    } else {
      const why = toErrorData(unwanted ? unloaded() : error);
      this.setState(loads.length > 0 ? { kind: 'unavailable', error: why } : { kind: 'idle' });
    }
  }

  private async reload(request: LoadRequest, reason: string): Promise<void> {
    this.setState({ kind: 'restarting', reason });
    const facts = await this.submit({ type: 'load', request }).catch(() => null);
    // A failure has set the state already, and so has a restart during this one.
    if (!facts) return;
    this.loaded = { request, facts };
    this.setState({ kind: 'ready', facts });
  }

  private rejectAll(error: (entry: Pending) => Error): void {
    const entries = [...this.pending.values()];
    this.pending.clear();
    this.running = null;
    this.stopTicker();
    for (const entry of entries) entry.reject(error(entry));
  }

  private stopTicker(): void {
    clearInterval(this.ticker);
    this.ticker = undefined;
  }

  private spawn(): Worker {
    const { workerUrl } = this.options;
    const worker = workerUrl
      ? new Worker(workerUrl, { type: 'module' })
      : new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'margin-engine' });
    let alive = false;
    worker.addEventListener('message', (message: MessageEvent<EngineEvent>) => {
      alive = true;
      // Messages of a worker that was replaced are void.
      if (worker === this.worker) this.receive(message.data);
    });
    worker.addEventListener('error', (event) => {
      if (alive || worker !== this.worker) return;
      const detail = event.message ? ` (${event.message})` : '';
      const error = new EngineError(`The engine's script could not be loaded${detail}. Reload the page.`);
      this.rejectAll(() => error);
      this.setState({ kind: 'unavailable', error: toErrorData(error) });
    });
    return worker;
  }

  private setState(state: EngineState): void {
    this.current = state;
    for (const listener of this.listeners) listener(state);
  }
}
