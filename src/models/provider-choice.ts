/**
 * The start-up check of a frozen tower: it runs once on WebGPU and once on WASM with the same fixed input. WebGPU
 * providers have been seen silently wrong, so what disagrees is not used, and what was decided is told on the page.
 * The WASM answer is remembered, so that later loads check WebGPU against it without a second session.
 */
import { ModelFileError, throwIfCancelled } from '../errors.ts';
import type { Provider } from './ort.ts';
import type { CheckMemory } from './provider-memory.ts';

/**
 * Largest difference accepted, relative to the largest value. f32 towers agree to about 1e-5 and f16 ones to 1e-3;
 * the failures this is for are of order 1.
 */
export const TOLERANCE = 1e-2;

/** One model that can run on either provider. */
export interface Trial<T> {
  /** File name for messages. */
  readonly label: string;
  create(provider: Provider): Promise<T>;
  /** The model's answer to the fixed input. */
  run(candidate: T): Promise<Float32Array>;
  release(candidate: T): Promise<void>;
}

export interface Choice<T> {
  readonly value: T;
  readonly provider: Provider;
  /** Largest relative difference between the two; absent when only one ran. */
  readonly agreement?: number;
  /** What was decided and why, as a sentence. */
  readonly note: string;
}

interface Attempt<T> {
  readonly value: T;
  readonly output: Float32Array;
  /** Milliseconds of a warm run. */
  readonly ms: number;
}

/** `faster`: the faster of two that agree. The others: that one when they agree. */
export type Preference = 'webgpu' | 'wasm' | 'faster';

export interface ChoiceOptions {
  readonly prefer: Preference;
  readonly signal?: AbortSignal;
  /** What an earlier load on this device found. */
  readonly memory?: CheckMemory;
}

/**
 * @throws {ModelFileError} when the model runs on neither.
 * @throws {CancelledError} between the two.
 */
export async function chooseProvider<T>(trial: Trial<T>, options: ChoiceOptions): Promise<Choice<T>> {
  const recalled = await recall(trial, options);
  if (recalled) return recalled;
  throwIfCancelled(options.signal);
  const warm = options.prefer === 'faster';
  const wasm = await attempt(trial, 'wasm', warm);
  throwIfCancelled(options.signal);
  const webgpu = await attempt(trial, 'webgpu', warm);

  if (wasm instanceof Error && webgpu instanceof Error) {
    throw new ModelFileError(
      `${trial.label} runs neither on WebGPU nor on WASM: the file may be damaged. Reload the page to fetch it again. (${wasm.message})`,
      trial.label,
      { cause: wasm },
    );
  }
  if (webgpu instanceof Error) {
    return {
      value: (wasm as Attempt<T>).value,
      provider: 'wasm',
      note: `Runs on WASM: WebGPU failed (${webgpu.message}).`,
    };
  }
  if (wasm instanceof Error) {
    return {
      value: webgpu.value,
      provider: 'webgpu',
      note: `Runs on WebGPU, unchecked: WASM failed (${wasm.message}).`,
    };
  }
  const agreement = relativeDifference(webgpu.output, wasm.output);
  const decision = decide(agreement, wasm.ms, webgpu.ms, options.prefer);
  await trial.release(decision.provider === 'webgpu' ? wasm.value : webgpu.value);
  if (Number.isFinite(agreement)) await options.memory?.store({ ...decision, agreement, reference: wasm.output });
  return { value: (decision.provider === 'webgpu' ? webgpu : wasm).value, agreement, ...decision };
}

/** The provider used before on this device, if it still gives the WASM answer of then. */
async function recall<T>(trial: Trial<T>, { memory }: ChoiceOptions): Promise<Choice<T> | null> {
  const known = await memory?.recall();
  if (!known) return null;
  const again = await attempt(trial, known.provider, false);
  if (again instanceof Error) return null;
  const difference = relativeDifference(again.output, known.reference);
  if (difference <= TOLERANCE) {
    const agreement = known.provider === 'webgpu' ? difference : known.agreement;
    return { value: again.value, provider: known.provider, agreement, note: known.note };
  }
  await trial.release(again.value);
  return null;
}

/** Which provider two results that both exist lead to. Exported for its test. */
export function decide(
  agreement: number,
  wasmMs: number,
  webgpuMs: number,
  prefer: Preference,
): { provider: Provider; note: string } {
  const difference = agreement.toExponential(0);
  if (!(agreement <= TOLERANCE)) {
    return {
      provider: 'wasm',
      note: `Runs on WASM: WebGPU gives other numbers on this device (relative difference ${difference}).`,
    };
  }
  const agree = `WebGPU and WASM agree to ${difference}`;
  switch (prefer) {
    case 'webgpu':
      return { provider: 'webgpu', note: `${agree}.` };
    case 'wasm':
      return { provider: 'wasm', note: `${agree}; WASM is used, because the graphics adapter is a software renderer.` };
    case 'faster':
      return {
        provider: webgpuMs <= wasmMs ? 'webgpu' : 'wasm',
        note: `${agree}; the faster is used (WebGPU ${webgpuMs.toFixed(1)} ms, WASM ${wasmMs.toFixed(1)} ms).`,
      };
  }
}

/** max |a - b| / max |b|; infinite for other lengths or numbers that are not finite. */
export function relativeDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    if (!Number.isFinite(a[i]) || !Number.isFinite(b[i])) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, Math.abs(a[i] - b[i]));
    largest = Math.max(largest, Math.abs(b[i]));
  }
  return largest === 0 ? difference : difference / largest;
}

async function attempt<T>(trial: Trial<T>, provider: Provider, warm: boolean): Promise<Attempt<T> | Error> {
  let value: T;
  try {
    value = await trial.create(provider);
  } catch (error) {
    return error as Error;
  }
  try {
    const output = await trial.run(value);
    const start = performance.now();
    if (warm) await trial.run(value);
    return { value, output, ms: performance.now() - start };
  } catch (error) {
    await trial.release(value).catch(() => undefined);
    return error as Error;
  }
}
