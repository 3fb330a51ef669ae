/** `AbortSignal.any`, which Chrome has from 116 on and WebGPU from 113. */

/** A signal that fires when one of these does. */
export function anySignal(signals: readonly AbortSignal[]): AbortSignal {
  if (AbortSignal.any) return AbortSignal.any([...signals]);
  const fired = signals.find(({ aborted }) => aborted);
  if (fired) return fired;
  const controller = new AbortController();
  for (const signal of signals) {
    signal.addEventListener('abort', () => controller.abort(signal.reason), { once: true, signal: controller.signal });
  }
  return controller.signal;
}
