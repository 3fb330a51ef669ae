/**
 * The page's side of the engine: the only place that makes the worker. Gives requests ids, turns events back into
 * promises and streams, cancels softly, and replaces a worker that froze or lost its device.
 */
import '../trusted-types.ts';
import { CancelledError, DeviceLostError, EngineError, fromErrorData, InputError, toErrorData } from '../errors.ts';
import type { Engine, EngineFacts, EngineState, ModelIds } from './engine.ts';
import type { EngineEvent, EngineRequest, LoadRequest, Results, StreamedEvent } from './protocol.ts';
import { type Call, EngineRequests, type SubmitOptions, type Unnumbered } from './requests.ts';
import { crashed, type RestartReason, Restarts, stoppedAnswering, stoppedByPerson, unloaded } from './restarts.ts';
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
  /** On the watchdog's clock. */
  cancelledAt: number | null;
}

const TICK_MS = 250;

/** What every restart begins with by itself: that it works says nothing about the rest. */
const BEGINNINGS: readonly Call['type'][] = ['load', 'adapterRestore', 'adapterImport'];

/** A cancel that has not ended the work by then is shown, with a way to stop at once. */
const STOPPING_MS = 3_000;

export class EngineClient extends EngineRequests implements Engine {
  private current: EngineState = { kind: 'idle' };
  private readonly listeners = new Set<(state: EngineState) => void>();
  private readonly pending = new Map<number, Pending>();
  private readonly watchdog: Watchdog;
  private worker: Worker;
  /** Whether the worker has said anything yet: its script runs. */
  private alive = false;
  /** The worker's script could not be loaded: the next request gets another worker. */
  private broken = false;
  private units = 0;
  private running: number | null = null;
  private nextId = 1;
  private ticker: ReturnType<typeof setInterval> | undefined;
  /** The load to repeat after a restart, and what it gave. */
  private loaded: { readonly request: LoadRequest; readonly facts: EngineFacts } | null = null;
  private readonly restarts = new Restarts();

  constructor(private readonly options: EngineClientOptions = {}) {
    super();
    this.watchdog = new Watchdog({ ...DEFAULT_LIMITS, ...options.limits }, performance.now());
    this.worker = this.spawn();
  }

  get state(): EngineState {
    return this.current;
  }

  onState(listener: (state: EngineState) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async load(models: ModelIds, options: { signal?: AbortSignal } = {}): Promise<EngineFacts> {
    const { vlm, clip } = models;
    const baseUrl = this.options.baseUrl ?? new URL('models/', document.baseURI).href;
    for (const { call } of this.loads()) this.cancel(call.id);
    if (!options.signal?.aborted) this.setState({ kind: 'loading', progress: null, models: { vlm, clip } });
    return this.submit({ type: 'load', request: { vlm, clip, baseUrl } }, options);
  }

  stopNow(): void {
    if (!this.stopping) return;
    this.restart(stoppedByPerson(), false);
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
    if (this.broken) this.worker = this.spawn();
    if (this.ticker === undefined) {
      // The first request after a rest; those that follow must not hide that nothing answers.
      this.watchdog.begin(performance.now());
      this.ticker = setInterval(() => this.tick(), TICK_MS);
    }
    this.worker.postMessage(request);
  }

  private cancel(id: number): void {
    const entry = this.pending.get(id);
    if (!entry || entry.cancelledAt !== null) return;
    entry.cancelledAt = this.watchdog.clock;
    this.send({ type: 'cancel', id });
  }

  private receive(event: EngineEvent): void {
    this.watchdog.sign(performance.now());
    switch (event.type) {
      case 'heartbeat':
        if (event.units !== this.units) this.watchdog.unit();
        this.units = event.units;
        return;
      case 'synchronous':
        this.watchdog.synchronous(event.on);
        return;
      case 'started':
        this.running = event.id;
        break;
      case 'loadProgress':
        // A load that was cancelled may have been replaced by another.
        if (this.current.kind === 'loading' && this.pending.get(event.id)?.cancelledAt === null) {
          this.setState({ ...this.current, progress: event.progress });
        }
        break;
      case 'progress':
        this.pending.get(event.id)?.onProgress?.(event.done, event.total);
        break;
      case 'sample':
      case 'sampleBatch':
      case 'train':
        this.pending.get(event.id)?.onEvent?.(event.event);
        break;
      case 'result': {
        const ran = this.running === event.id;
        const entry = this.settle(event.id);
        // Queries are answered beside the queue.
        if (ran && entry && !BEGINNINGS.includes(entry.call.type)) this.restarts.worked();
        if (entry?.call.type === 'load') {
          this.loaded = { request: entry.call.request, facts: event.result as EngineFacts };
          this.loadEnded();
        }
        entry?.resolve(event.result as never);
        break;
      }
      case 'error': {
        const ran = this.running === event.id;
        const entry = this.settle(event.id);
        const error = fromErrorData(event.error);
        if (entry?.call.type === 'load') {
          // One that was cancelled while it waited has touched nothing.
          if (ran && !event.modelsKept) this.loaded = null;
          this.loadEnded(error);
        }
        entry?.reject(error);
        break;
      }
      case 'deviceLost':
        this.restart({
          reason: 'The GPU device was lost; the models are being loaded again.',
          error: new DeviceLostError(event.message),
        });
        break;
      default:
        event satisfies never;
    }
    // Everything but a heartbeat tells that something was done.
    this.watchdog.unit();
  }

  /** Takes a call off the books. */
  private settle(id: number): Pending | undefined {
    const entry = this.pending.get(id);
    this.pending.delete(id);
    if (this.running === id) {
      this.running = null;
      this.showStopping(false);
    }
    if (this.pending.size === 0) this.stopTicker();
    return entry;
  }

  private loads(): Pending[] {
    return [...this.pending.values()].filter(({ call }) => call.type === 'load');
  }

  /** A load has ended: what is loaded now is shown, unless another one has not ended yet. */
  private loadEnded(error?: Error): void {
    if (this.loads().length > 0) return;
    if (this.loaded) this.setState({ kind: 'ready', facts: this.loaded.facts });
    else if (error) {
      this.setState({ kind: 'unavailable', error: toErrorData(error instanceof CancelledError ? unloaded() : error) });
    }
  }

  private get stopping(): boolean {
    return (this.current.kind === 'ready' || this.current.kind === 'loading') && this.current.stopping === true;
  }

  private showStopping(stopping: boolean): void {
    const { current } = this;
    if (stopping === this.stopping || (current.kind !== 'ready' && current.kind !== 'loading')) return;
    const { stopping: _, ...rest } = current;
    this.setState(stopping ? { ...rest, stopping } : rest);
  }

  private tick(): void {
    const entry = this.running === null ? undefined : this.pending.get(this.running);
    const cancelledAt = entry?.cancelledAt ?? null;
    const loading = !this.alive || entry?.call.type === 'load';
    const dead = this.watchdog.tick(performance.now(), this.pending.size === 0 ? null : { loading, cancelledAt });
    this.showStopping(cancelledAt !== null && this.watchdog.clock - cancelledAt > STOPPING_MS);
    if (dead) this.restart(stoppedAnswering());
  }

  /**
   * Hard cancel: a new worker takes over and loads the same models; everything in flight is rejected with the error.
   * @param counts whether it tells that something is wrong; a person's wish does not.
   */
  private restart({ reason, error }: RestartReason, counts = true): void {
    this.worker.terminate();
    const loads = this.loads();
    const unwanted = loads.every(({ cancelledAt }) => cancelledAt !== null);
    this.rejectAll((entry) => (entry.cancelledAt === null ? error : new CancelledError()));
    this.worker = this.spawn();

    if (counts) this.restarts.add();
    const { hopeless } = this.restarts;
    if (hopeless && counts) {
      this.loaded = null;
      this.setState({
        kind: 'unavailable',
        error: { ...toErrorData(error), message: `${error.message} ${hopeless}` },
      });
    } else if (this.loaded) {
      void this.reload(this.loaded.request, reason);
    } else {
      const why = toErrorData(unwanted ? unloaded() : error);
      this.setState(loads.length > 0 ? { kind: 'unavailable', error: why } : { kind: 'idle' });
    }
  }

  private async reload(request: LoadRequest, reason: string): Promise<void> {
    this.setState({ kind: 'restarting', reason });
    // Whatever comes of it has set the state already.
    await this.submit({ type: 'load', request }).catch(() => null);
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
    this.alive = false;
    this.broken = false;
    this.units = 0;
    this.watchdog.replaced(performance.now());
    worker.addEventListener('message', (message: MessageEvent<EngineEvent>) => {
      // Messages of a worker that was replaced are void.
      if (worker !== this.worker) return;
      this.alive = true;
      this.receive(message.data);
    });
    worker.addEventListener('error', (event) => {
      // Told in words below.
      event.preventDefault();
      if (worker === this.worker) this.crashed(event.message);
    });
    return worker;
  }

  /** An error that nobody in the worker caught: its script could not be loaded, or it died at its work. */
  private crashed(message: string | undefined): void {
    const detail = message ? ` (${message})` : '';
    if (this.alive) {
      if (this.pending.size > 0) this.restart(crashed(detail));
      return;
    }
    const error = new EngineError(`The engine's script could not be loaded${detail}. Try again, or reload the page.`);
    this.broken = true;
    this.loaded = null;
    this.rejectAll(() => error);
    this.setState({ kind: 'unavailable', error: toErrorData(error) });
  }

  private setState(state: EngineState): void {
    this.current = state;
    for (const listener of this.listeners) listener(state);
  }
}
