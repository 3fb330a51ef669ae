/** What the engine tells of itself: device, models, loading, kernels, memory. */

export interface DeviceFacts {
  /** Adapter name as well as the browser tells it, e.g. "google swiftshader". */
  readonly adapter: string;
  /** True for a software adapter: every number the page shows is then labelled. */
  readonly isFallback: boolean;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  /** Start-up self-check of fast paths against the plain kernels. */
  readonly selfCheck: readonly { readonly name: string; readonly ok: boolean; readonly maxError: number }[];
}

/** What a model was made for: Toybox's drawn scenes, or photographs. */
export type World = 'toybox' | 'photographs';

export interface ModelFacts {
  readonly id: string;
  readonly label: string;
  readonly kind: 'vlm' | 'clip';
  readonly world: World;
  readonly licence: string;
  readonly bytes: number;
  /** Where the frozen towers run, after the start-up comparison of WebGPU with WASM. */
  readonly provider: 'webgpu' | 'wasm';
  /** Largest relative difference between the two on the fixed input; absent when only one could run. */
  readonly agreement?: number;
  readonly note?: string;
}

export interface EngineFacts {
  readonly device: DeviceFacts;
  readonly models: readonly ModelFacts[];
  readonly loadMs: number;
}

export type LoadStage = 'download' | 'compile' | 'check' | 'warm-up';

export interface LoadProgress {
  readonly stage: LoadStage;
  /** File or part at work, as a person may read it. */
  readonly item: string;
  /** Bytes for `download`, steps otherwise. */
  readonly done: number;
  readonly total: number;
}

/** One kernel as the viewer shows it. */
export interface KernelReport {
  readonly name: string;
  readonly files: readonly { readonly path: string; readonly code: string }[];
  readonly bindings: readonly {
    readonly name: string;
    readonly access: string;
    readonly dtype: string;
    readonly dims: string;
  }[];
  /** Shapes and workgroups of the last dispatch, if it ran. */
  readonly last?: {
    readonly shapes: Readonly<Record<string, readonly number[]>>;
    readonly workgroups: readonly number[];
  };
  /** GPU microseconds of the last measured dispatch; absent without `timestamp-query` or before the first run. */
  readonly lastMicroseconds?: number;
  readonly runs: number;
}

export interface MemoryReport {
  readonly liveBytes: number;
  readonly peakBytes: number;
}
