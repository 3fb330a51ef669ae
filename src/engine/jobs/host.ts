/** What the jobs work on: the device and the loaded models. One per worker; tests make their own. */
import { EngineError, InputError } from '../../errors.ts';
import type { Gpu } from '../../kernels/gpu/index.ts';
import type { ClipScorer } from '../../models/clip-scorer.ts';
import type { PhotoDetector } from '../../models/detector.ts';
import type { LoraAdapter } from '../../models/policy/index.ts';
import type { VisionLanguageModel } from '../../models/vlm.ts';
import type { ReferenceLogps } from '../../training/data.ts';
import type { AdapterFacts } from '../engine.ts';

/** The adapter at work: the policy is the model with it, the reference the model without. */
export interface HostAdapter {
  readonly lora: LoraAdapter;
  readonly origin: AdapterFacts['origin'];
  step: number;
}

export interface EngineHost {
  gpu: Gpu | null;
  vlm: VisionLanguageModel | null;
  clip: ClipScorer | null;
  /** Loaded by the first look at a photograph; no choice of models changes it. */
  detector?: PhotoDetector | null;
  /** Where the models lie, once some were loaded: absolute URL with a trailing slash. */
  baseUrl?: string;
  adapter?: HostAdapter | null;
  /** Log-probabilities of the frozen model for pairs trained on before, by the pairs' keys. */
  references?: Map<string, ReferenceLogps>;
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

/** The adapter that makes the model the policy; none for the reference, or where nothing was trained. */
export function adapterOf(host: EngineHost, model: 'policy' | 'reference' = 'policy'): LoraAdapter | undefined {
  if (model !== 'policy' && model !== 'reference') {
    throw new InputError(`There is no model "${model}"; choose "policy" or "reference".`, 'model');
  }
  return model === 'policy' ? host.adapter?.lora : undefined;
}

/** Takes the adapter away and frees it: the policy is the reference again. */
export function dropAdapter(host: EngineHost): void {
  host.adapter?.lora.dispose();
  host.adapter = null;
}
