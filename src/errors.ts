/**
 * The errors a person can meet. Each message says what happened, what was kept and what to do; they cross the worker
 * boundary as data (`toErrorData`) and come back as the same classes (`fromErrorData`).
 */
import type { EngineErrorData } from './engine/engine.ts';

abstract class MarginError extends Error {
  abstract override readonly name: EngineErrorData['name'];
  constructor(
    message: string,
    /** The model file, the field or the kernel concerned. */
    readonly subject?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The browser has no WebGPU, or gives no adapter. */
export class NoWebGpuError extends MarginError {
  override readonly name = 'NoWebGpuError';
}

/** The GPU device was lost: driver reset, sleep, or `device.destroy()`. */
export class DeviceLostError extends MarginError {
  override readonly name = 'DeviceLostError';
}

/** The worker froze and was replaced by another, which is loading the models again; its device went with it. */
export class EngineLostError extends MarginError {
  override readonly name = 'EngineLostError';
}

/** An allocation exceeds the device's limits or its memory. */
export class OutOfMemoryError extends MarginError {
  override readonly name = 'OutOfMemoryError';
}

/** A model file is missing, damaged or not what the catalog says; `subject` is the file. */
export class ModelFileError extends MarginError {
  override readonly name = 'ModelFileError';
}

/** Something a person gave cannot be used: a corrupt picture, an empty prompt, a bad hyperparameter. */
export class InputError extends MarginError {
  override readonly name = 'InputError';
}

/** The person, or the page for them, cancelled. */
export class CancelledError extends MarginError {
  override readonly name = 'CancelledError';
  constructor(message = 'Cancelled. What was finished is kept.', subject?: string) {
    super(message, subject);
  }
}

/** Anything else that went wrong inside the engine. */
export class EngineError extends MarginError {
  override readonly name = 'EngineError';
}

const CLASSES = {
  NoWebGpuError,
  DeviceLostError,
  EngineLostError,
  OutOfMemoryError,
  ModelFileError,
  InputError,
  CancelledError,
  EngineError,
} as const;

/** Plain data for `postMessage`. Unknown errors become an `EngineError` that keeps their words. */
export function toErrorData(error: unknown): EngineErrorData {
  if (error instanceof MarginError) {
    return { name: error.name, message: error.message, subject: error.subject };
  }
  if (error instanceof DOMException && error.name === 'AbortError') {
    return { name: 'CancelledError', message: new CancelledError().message };
  }
  return { name: 'EngineError', message: error instanceof Error ? error.message : String(error) };
}

/** The class named by the data. */
export function fromErrorData(data: EngineErrorData): MarginError {
  return new CLASSES[data.name](data.message, data.subject);
}

/** Throws `CancelledError` when the signal has fired: call it between units of work. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new CancelledError();
}
