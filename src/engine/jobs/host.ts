/** What the jobs work on: the device and the loaded models. One per worker; tests make their own. */
import { EngineError } from '../../errors.ts';
import type { Gpu } from '../../kernels/gpu/index.ts';
import type { ClipScorer } from '../../models/clip-scorer.ts';
import type { VisionLanguageModel } from '../../models/vlm.ts';

export interface EngineHost {
  gpu: Gpu | null;
  vlm: VisionLanguageModel | null;
  clip: ClipScorer | null;
}

/** What a job may use while it runs. */
export interface JobContext {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/** @throws {EngineError} before a model was loaded. */
export function requireVlm(host: EngineHost): { gpu: Gpu; vlm: VisionLanguageModel } {
  if (!host.gpu || !host.vlm) throw new EngineError('No vision-language model is loaded. Load one first.');
  return { gpu: host.gpu, vlm: host.vlm };
}

/** @throws {EngineError} before a model was loaded. */
export function requireClip(host: EngineHost): ClipScorer {
  if (!host.clip) throw new EngineError('No CLIP model is loaded. Load one first.');
  return host.clip;
}
