/** What a person sets before pressing Train: the settings of TRL and PEFT by their names, and when to examine. */
import type { LoraSettings, TrainingConfig } from '../../engine/engine.ts';
import { LORA_DEFAULTS, resolveLora, resolveTrainingConfig, TRAINING_DEFAULTS } from '../../training/config.ts';

export interface TrainingSettings extends TrainingConfig, LoraSettings {
  /** Steps between examinations on held-out scenes; 0 examines only after the last step. */
  readonly eval_steps: number;
  /** Scenes of an examination; 0 for none. */
  readonly eval_scenes: number;
  /** Stops, and goes back to the best step, when held-out quality falls while the margin rises. */
  readonly early_stopping: boolean;
}

/** Most scenes of one examination. */
const MAX_SCENES = 500;

export const DEFAULT_TRAINING: TrainingSettings = {
  ...TRAINING_DEFAULTS,
  ...LORA_DEFAULTS,
  eval_steps: 0,
  eval_scenes: 16,
  early_stopping: false,
};

/** The trainer's share of the settings. */
export function configOf(settings: TrainingSettings): { config: TrainingConfig; lora: LoraSettings } {
  const pick = <T extends object>(like: T): T =>
    Object.fromEntries(Object.keys(like).map((key) => [key, settings[key as keyof TrainingSettings]])) as T;
  return { config: pick(TRAINING_DEFAULTS), lora: pick(LORA_DEFAULTS) };
}

/**
 * The settings with these changes.
 * @throws InputError naming the setting that cannot be used.
 */
export function withTraining(settings: TrainingSettings, changes: Partial<TrainingSettings>): TrainingSettings {
  const next = { ...settings, ...changes };
  const { config, lora } = configOf(next);
  const scenes = (value: number) => Math.min(MAX_SCENES, Math.max(0, Math.round(value) || 0));
  return {
    ...resolveTrainingConfig(config),
    ...resolveLora(lora),
    eval_steps: Math.max(0, Math.round(next.eval_steps) || 0),
    eval_scenes: scenes(next.eval_scenes),
    early_stopping: next.early_stopping === true,
  };
}

/** The settings that are not the defaults, as text: what a link carries. */
export function trainingFields(settings: TrainingSettings): [key: string, value: string][] {
  return Object.entries(settings).flatMap(([key, value]): [string, string][] => {
    const text = String(value);
    return text === String(DEFAULT_TRAINING[key as keyof TrainingSettings]) ? [] : [[key, text]];
  });
}

function parsed(key: keyof TrainingSettings, value: unknown): unknown {
  const like = DEFAULT_TRAINING[key];
  if (typeof value !== 'string' || typeof like === 'string') return value;
  if (Array.isArray(like)) return value.split(',');
  return typeof like === 'number' ? Number(value) : value === 'true';
}

/** The usable part of what claims to be training settings (texts of a link, or stored values), over the defaults. */
export function validTraining(value: object): TrainingSettings {
  let settings = DEFAULT_TRAINING;
  for (const key of Object.keys(DEFAULT_TRAINING) as (keyof TrainingSettings)[]) {
    if (!(key in value)) continue;
    try {
      settings = withTraining(settings, { [key]: parsed(key, (value as Record<string, unknown>)[key]) });
    } catch {
      // One unusable value costs only itself.
    }
  }
  return settings;
}
