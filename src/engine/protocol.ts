/**
 * What crosses between the page and the worker: two tagged unions of plain data. Every switch over them ends in
 * `satisfies never`, so that a message without a handler does not compile.
 */
import type { Seen } from '../photographs/index.ts';
import type {
  AdapterFacts,
  ClipRequest,
  Divergence,
  DivergenceRequest,
  EngineErrorData,
  EngineFacts,
  EvaluateRequest,
  Evaluation,
  KernelReport,
  LoadProgress,
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
  TrainingCheckpoint,
  TrainPlan,
  TrainRequest,
} from './engine.ts';

export interface LoadRequest {
  readonly vlm: string;
  readonly clip: string;
  /** Absolute URL of the models folder, with a trailing slash. */
  readonly baseUrl: string;
}

/** Work that waits its turn in the queue. `id` is unique per client. */
export type Job =
  | { readonly type: 'load'; readonly id: number; readonly request: LoadRequest }
  | { readonly type: 'sample'; readonly id: number; readonly request: SampleRequest }
  | { readonly type: 'sampleBatch'; readonly id: number; readonly request: SampleBatchRequest }
  | { readonly type: 'logps'; readonly id: number; readonly request: LogpsRequest }
  | { readonly type: 'pairLogps'; readonly id: number; readonly request: PairLogpsRequest }
  | { readonly type: 'divergence'; readonly id: number; readonly request: DivergenceRequest }
  | { readonly type: 'clipScore'; readonly id: number; readonly request: ClipRequest }
  | { readonly type: 'look'; readonly id: number; readonly request: LookRequest }
  | { readonly type: 'evaluate'; readonly id: number; readonly request: EvaluateRequest }
  | { readonly type: 'train'; readonly id: number; readonly request: TrainRequest }
  | { readonly type: 'plan'; readonly id: number; readonly request: TrainRequest }
  | { readonly type: 'adapterFacts'; readonly id: number }
  | { readonly type: 'adapterExport'; readonly id: number }
  | { readonly type: 'adapterImport'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly type: 'adapterRestore'; readonly id: number; readonly checkpoint: TrainingCheckpoint }
  | { readonly type: 'adapterReset'; readonly id: number };

/** Questions answered at once, also while a job runs. */
export type Query =
  | { readonly type: 'kernels'; readonly id: number }
  | { readonly type: 'memory'; readonly id: number }
  | { readonly type: 'destroyDevice'; readonly id: number };

/** Soft cancel of the job `id`, waiting or at work. Has no answer of its own. */
export interface Cancel {
  readonly type: 'cancel';
  readonly id: number;
}

export type EngineRequest = Job | Query | Cancel;

/** What a `result` event carries, by type of request. */
export interface Results {
  readonly load: EngineFacts;
  readonly sample: null;
  readonly sampleBatch: null;
  readonly logps: LogpsResult;
  readonly pairLogps: PairLogps;
  readonly divergence: Divergence;
  readonly clipScore: number[];
  readonly look: Seen;
  readonly evaluate: Evaluation;
  readonly train: null;
  readonly plan: TrainPlan;
  readonly adapterFacts: AdapterFacts | null;
  readonly adapterExport: Uint8Array<ArrayBuffer>;
  readonly adapterImport: AdapterFacts;
  readonly adapterRestore: AdapterFacts;
  readonly adapterReset: null;
  readonly kernels: KernelReport[];
  readonly memory: MemoryReport;
  readonly destroyDevice: null;
}

/** Events that a streaming job sends before its result. */
export type StreamedEvent = SampleEvent | SampleBatchEvent | TrainEvent;

export type EngineEvent =
  /** Sent twice a second while a job runs: the worker's own timers still fire. `units` counts what the GPU has finished. */
  | { readonly type: 'heartbeat'; readonly units: number }
  /** The worker's thread is about to be blocked, and has been: synchronous WASM. No heartbeat comes between the two. */
  | { readonly type: 'synchronous'; readonly on: boolean }
  | { readonly type: 'started'; readonly id: number }
  | { readonly type: 'loadProgress'; readonly id: number; readonly progress: LoadProgress }
  | { readonly type: 'progress'; readonly id: number; readonly done: number; readonly total: number }
  | { readonly type: 'sample'; readonly id: number; readonly event: SampleEvent }
  | { readonly type: 'sampleBatch'; readonly id: number; readonly event: SampleBatchEvent }
  | { readonly type: 'train'; readonly id: number; readonly event: TrainEvent }
  | { readonly type: 'result'; readonly id: number; readonly result: Results[keyof Results] }
  | {
      readonly type: 'error';
      readonly id: number;
      readonly error: EngineErrorData;
      /** For a failed load: whether the models loaded before still work. */
      readonly modelsKept?: boolean;
    }
  | { readonly type: 'deviceLost'; readonly message: string };

/** Milliseconds between heartbeats. */
export const HEARTBEAT_MS = 500;
