/** An objective over rows: by its WGSL where there is a device, else by the float64 reference. */
import { evaluateF64 } from '../../kernels/losses/evaluate.ts';
import { evaluateOnGpu } from '../../kernels/preference-loss/index.ts';
import type { EvaluateRequest, Evaluation } from '../engine.ts';
import type { EngineHost } from './host.ts';

/** @throws {InputError} for a row or a hyperparameter that cannot be used. */
export async function evaluate(host: EngineHost, request: EvaluateRequest): Promise<Evaluation> {
  if (!host.gpu) return evaluateF64(request);
  const { pairs, batch, backend } = await evaluateOnGpu(host.gpu, request);
  return { pairs, batch, backend };
}
