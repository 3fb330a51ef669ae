/**
 * Every request of the `Engine` interface in terms of one `submit`: what `client.ts` says to its worker. The client
 * adds the worker's life: start, watchdog, restart.
 */

import type { Seen } from '../photographs/index.ts';
import { anySignal } from '../signals.ts';
import type {
  AdapterControl,
  CallOptions,
  ClipRequest,
  Divergence,
  DivergenceRequest,
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
  TrainEvent,
  TrainPlan,
  TrainRequest,
} from './engine.ts';
import type { Job, Query, Results, StreamedEvent } from './protocol.ts';
import { Stream } from './stream.ts';

export type Call = Job | Query;
export type Unnumbered<T> = T extends Call ? Omit<T, 'id'> : never;

export interface SubmitOptions extends CallOptions {
  /** Hears the events of a streaming job. */
  readonly onEvent?: (event: StreamedEvent) => void;
}

export abstract class EngineRequests {
  readonly adapter: AdapterControl = {
    facts: () => this.submit({ type: 'adapterFacts' }),
    export: () => this.submit({ type: 'adapterExport' }),
    import: (bytes) => this.submit({ type: 'adapterImport', bytes }),
    restore: (checkpoint) => this.submit({ type: 'adapterRestore', checkpoint }),
    reset: async () => {
      await this.submit({ type: 'adapterReset' });
    },
  };

  /** Sends a call and settles with its answer. An aborted signal cancels softly. */
  protected abstract submit<T extends Call['type']>(
    message: Extract<Unnumbered<Call>, { type: T }>,
    options?: SubmitOptions,
  ): Promise<Results[T]>;

  sample(request: SampleRequest, options?: CallOptions): AsyncIterable<SampleEvent> {
    return this.stream<SampleEvent>((streamed) => this.submit({ type: 'sample', request }, streamed), options);
  }

  sampleBatch(request: SampleBatchRequest, options?: CallOptions): AsyncIterable<SampleBatchEvent> {
    return this.stream<SampleBatchEvent>(
      (streamed) => this.submit({ type: 'sampleBatch', request }, streamed),
      options,
    );
  }

  train(request: TrainRequest, options?: CallOptions): AsyncIterable<TrainEvent> {
    return this.stream<TrainEvent>((streamed) => this.submit({ type: 'train', request }, streamed), options);
  }

  plan(request: TrainRequest, options?: CallOptions): Promise<TrainPlan> {
    return this.submit({ type: 'plan', request }, options);
  }

  logps(request: LogpsRequest, options?: CallOptions): Promise<LogpsResult> {
    return this.submit({ type: 'logps', request }, options);
  }

  pairLogps(request: PairLogpsRequest, options?: CallOptions): Promise<PairLogps> {
    return this.submit({ type: 'pairLogps', request }, options);
  }

  divergence(request: DivergenceRequest, options?: CallOptions): Promise<Divergence> {
    return this.submit({ type: 'divergence', request }, options);
  }

  clipScore(request: ClipRequest, options?: CallOptions): Promise<number[]> {
    return this.submit({ type: 'clipScore', request }, options);
  }

  look(request: LookRequest, options?: CallOptions): Promise<Seen> {
    return this.submit({ type: 'look', request }, options);
  }

  evaluate(request: EvaluateRequest, options?: CallOptions): Promise<Evaluation> {
    return this.submit({ type: 'evaluate', request }, options);
  }

  kernels(): Promise<KernelReport[]> {
    return this.submit({ type: 'kernels' });
  }

  memory(): Promise<MemoryReport> {
    return this.submit({ type: 'memory' });
  }

  async destroyDevice(): Promise<void> {
    await this.submit({ type: 'destroyDevice' });
  }

  /** A job's events as an iterable. A reader that stops reading stops the work. */
  private async *stream<E extends StreamedEvent>(
    start: (options: SubmitOptions) => Promise<null>,
    { signal: given, onProgress }: CallOptions = {},
  ): AsyncGenerator<E, void, undefined> {
    const stream = new Stream<E>();
    const left = new AbortController();
    const signal = given ? anySignal([given, left.signal]) : left.signal;
    start({ signal, onProgress, onEvent: (event) => stream.push(event as E) }).then(
      () => stream.close(),
      (error) => stream.fail(error),
    );
    try {
      yield* stream;
    } finally {
      left.abort();
    }
  }
}
