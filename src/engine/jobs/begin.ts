/** Where a run begins: with a fresh adapter, with the values of a file, or at a checkpoint. */
import { InputError } from '../../errors.ts';
import { importPeft, type LoraPlan, matricesFor, type PeftAdapter } from '../../models/policy/index.ts';
import type { VisionLanguageModel } from '../../models/vlm.ts';
import { loraConfig, trainsScore } from '../../training/checkpoint.ts';
import { type RunSettings, runSettings } from '../../training/settings.ts';
import type { TrainRequest } from '../engine.ts';

export interface Begin {
  readonly settings: RunSettings;
  readonly lora: LoraPlan;
  /** Values of the file by their names in the plan; absent where the adapter is fresh, or a checkpoint brings its own. */
  readonly matrices?: ReadonlyMap<string, Float32Array>;
}

/**
 * Settings of a request, shape and first values of its adapter. Nothing is allocated.
 * @throws InputError for settings that cannot be used, or for a file that is no adapter for this model and objective.
 */
export async function beginOf({ policy }: VisionLanguageModel, request: TrainRequest): Promise<Begin> {
  const { adapter, resume, objective } = request;
  if (!adapter || resume) {
    const settings = runSettings(request);
    return { settings, lora: policy.planLora(loraConfig(settings)) };
  }
  const peft = await importPeft(adapter);
  const { r, alpha: lora_alpha, targets: target_modules } = peft.lora;
  const settings = runSettings({ ...request, lora: { ...request.lora, r, lora_alpha, target_modules } });
  checkScore(peft, objective);
  const lora = policy.planLora(loraConfig(settings));
  return { settings, lora, matrices: matricesFor(lora, peft) };
}

/** @throws InputError for a reward model's adapter where the objective trains none: its decoder was not trained to answer. */
function checkScore({ lora }: PeftAdapter, objective: string): void {
  if (!lora.score || trainsScore(objective)) return;
  throw new InputError(
    `The adapter to start from is a reward model's: it has a score layer, which "${objective}" does not train. Choose an objective that trains a reward model, or an adapter without a score layer.`,
    'adapter',
  );
}
