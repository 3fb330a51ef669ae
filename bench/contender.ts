import type { Gpu } from '../src/kernels/gpu/index.ts';

/** One way of doing a case's work, ready to run: inputs are where the library wants them. */
export interface Contender {
  /** One execution, handed to the GPU; need not be finished on return. */
  run(): void | Promise<void>;
  /** Waits until everything handed over is done, without reading anything back. */
  sync(): Promise<void>;
  /** The values of the last run. */
  result(): Promise<ArrayLike<number>>;
  dispose(): void | Promise<void>;
  /** Largest number of tokens before a buffer passes what this library's device binds at once. */
  readonly largestTokens?: number;
}

export interface Entry {
  readonly name: string;
  /** Called before anything is counted: gives back what pools kept from the contender before. */
  readonly settle?: () => void;
  readonly build: () => Promise<Contender>;
}

/** What a case needs of its surroundings. */
export interface Surroundings {
  readonly gpu: Gpu;
  /** Where ONNX Runtime's files are served; absent in Node. */
  readonly ortPath?: string;
}
