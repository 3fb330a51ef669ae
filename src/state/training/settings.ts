/** What a person sets before pressing Train: the settings of TRL and PEFT by their names, and when to examine. */

import { checkFields, choice, defined, flag, numberIn, type Rule, whole } from '../../check.ts';
import type { LoraSettings, RewardName, TrainingConfig } from '../../engine/engine.ts';
import { InputError } from '../../errors.ts';
import {
  LORA_DEFAULTS,
  LORA_RULES,
  resolveLora,
  resolveTrainingConfig,
  TRAINING_DEFAULTS,
  TRAINING_RULES,
  trainingDefaults,
} from '../../training/config.ts';

export interface TrainingSettings extends TrainingConfig, LoraSettings {
  /** What sampled answers earn, for objectives that sample. */
  readonly reward: RewardName;
  /** Steps between examinations on held-out pictures; 0 examines only after the last step. */
  readonly eval_steps: number;
  /** Pictures of an examination, Toybox scenes or photographs as the model's world has them; 0 for none. */
  readonly eval_scenes: number;
  /** Of these, how many are asked about as well (POPE): up to 18 short answers each; 0 for none. */
  readonly eval_pope_scenes: number;
  /** Answers sampled to measure the KL to the reference; 0 for none. */
  readonly kl_answers: number;
  /** Steps between these measurements; 0 measures with the examinations. */
  readonly kl_steps: number;
  /** Stops, and goes back to the best step, when held-out quality falls while the margin rises. */
  readonly early_stopping: boolean;
  /** Measures how long the phases of a step take on the GPU. The step waits for the times, so it takes longer. */
  readonly phase_times: boolean;
}

/** The rewards to choose from: CLIP's, and the scene's truth, or what the detector saw. */
export const REWARDS: readonly RewardName[] = ['clip', 'truth'];

/** Settings of sampled answers: objectives that learn from the pairs' own answers take nothing from them. */
export const SAMPLING = [
  'num_generations',
  'temperature',
  'top_p',
  'max_completion_length',
  'reward',
] as const satisfies readonly (keyof TrainingSettings)[];

/** Settings of what is looked at: they change nothing that is learnt. */
export const LOOKING = [
  'eval_steps',
  'eval_scenes',
  'eval_pope_scenes',
  'kl_answers',
  'kl_steps',
  'early_stopping',
  'phase_times',
] as const satisfies readonly (keyof TrainingSettings)[];
type Looking = (typeof LOOKING)[number];

/** What each setting may be. Typed over every key: a new one without a rule does not compile. */
export const SETTING_RULES: Readonly<Record<keyof TrainingSettings, Rule>> = {
  ...TRAINING_RULES,
  ...LORA_RULES,
  reward: choice(REWARDS),
  eval_steps: whole({ min: 0, max: 1e6 }),
  eval_scenes: whole({ min: 0, max: 500 }),
  eval_pope_scenes: whole({ min: 0, max: 500 }),
  kl_answers: whole({ min: 0, max: 256 }),
  kl_steps: whole({ min: 0, max: 1e6 }),
  early_stopping: flag,
  phase_times: flag,
};

/** Before an objective has its say: `defaultTraining`. */
export const DEFAULT_TRAINING: TrainingSettings = {
  ...TRAINING_DEFAULTS,
  ...LORA_DEFAULTS,
  reward: 'clip',
  eval_steps: 0,
  eval_scenes: 16,
  eval_pope_scenes: 4,
  kl_answers: 8,
  kl_steps: 0,
  early_stopping: false,
  phase_times: false,
};

/** Steps between examinations that early stopping starts with: it looks at nothing else. */
const EARLY_STOPPING_STEPS = 10;

/** The settings of a fresh page for an objective. */
export const defaultTraining = (objective: string): TrainingSettings => ({
  ...DEFAULT_TRAINING,
  ...trainingDefaults(objective),
});

/** The settings after a change of objective: what nobody touched follows it. */
export function followObjective(settings: TrainingSettings, from: string, to: string): TrainingSettings {
  const [before, after] = [defaultTraining(from), defaultTraining(to)];
  const untouched = Object.entries(after).filter(([key, value]) => {
    const setting = key as keyof TrainingSettings;
    return value !== before[setting] && settings[setting] === before[setting];
  });
  return untouched.length > 0 ? { ...settings, ...Object.fromEntries(untouched) } : settings;
}

/** The trainer's share of the settings. */
export function configOf(settings: TrainingSettings): { config: TrainingConfig; lora: LoraSettings } {
  const pick = <T extends object>(like: T): T =>
    Object.fromEntries(Object.keys(like).map((key) => [key, settings[key as keyof TrainingSettings]])) as T;
  return { config: pick(TRAINING_DEFAULTS), lora: pick(LORA_DEFAULTS) };
}

/**
 * Early stopping goes by examinations during the run. Switched on without any, it sets their rhythm; later on it is not
 * left without.
 */
function withRhythm(before: TrainingSettings, next: TrainingSettings, changes: Partial<TrainingSettings>) {
  const switchedOn = next.early_stopping && !before.early_stopping;
  if (!switchedOn || next.eval_steps !== 0 || changes.eval_steps !== undefined) return next;
  return { ...next, eval_steps: EARLY_STOPPING_STEPS };
}

/** @throws InputError where early stopping would have nothing to go by. */
function checkEarlyStopping({ early_stopping, eval_scenes, eval_steps }: TrainingSettings): void {
  if (!early_stopping) return;
  const missing = eval_scenes === 0 ? 'eval_scenes' : eval_steps === 0 ? 'eval_steps' : undefined;
  if (missing === undefined) return;
  throw new InputError(
    `early_stopping goes by held-out pictures that are examined during the run, and ${missing} is 0. Set it to 1 or more, or switch early_stopping off first.`,
    missing,
  );
}

/**
 * The settings with these changes. `early_stopping` switched on without `eval_steps` brings some along.
 * @throws InputError naming the setting that cannot be used.
 */
export function withTraining(settings: TrainingSettings, changes: Partial<TrainingSettings>): TrainingSettings {
  checkFields('training', changes, { rules: SETTING_RULES });
  const next = withRhythm(settings, { ...settings, ...defined(changes) }, changes);
  checkFields('training', next, { rules: SETTING_RULES });
  const { config, lora } = configOf(next);
  checkEarlyStopping(next);
  const looking = Object.fromEntries(LOOKING.map((key) => [key, next[key]])) as Pick<TrainingSettings, Looking>;
  return { ...resolveTrainingConfig(config), ...resolveLora(lora), reward: next.reward, ...looking };
}

/** The settings that are not the objective's defaults, as text: what a link carries. */
export function trainingFields(settings: TrainingSettings, objective: string): [key: string, value: string][] {
  const defaults = defaultTraining(objective);
  return Object.entries(settings).flatMap(([key, value]): [string, string][] => {
    const text = String(value);
    return text === String(defaults[key as keyof TrainingSettings]) ? [] : [[key, text]];
  });
}

function parsed(key: keyof TrainingSettings, value: unknown): unknown {
  const like = DEFAULT_TRAINING[key];
  if (typeof value !== 'string' || typeof like === 'string') return value;
  if (Array.isArray(like)) return value.split(',');
  if (typeof like === 'number') return numberIn(value);
  return value === 'true' ? true : value === 'false' ? false : value;
}

/** Why a training setting of a link cannot be used beside the others, as a sentence; null when it can. */
export function trainingRefusal(settings: TrainingSettings, key: string, value: string): string | null {
  if (!(key in DEFAULT_TRAINING)) return `There is no training setting "${key}".`;
  try {
    withTraining(settings, { [key]: parsed(key as keyof TrainingSettings, value) });
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The usable part of what claims to be training settings (texts of a link, or stored values), over the objective's defaults. */
export function validTraining(value: object, objective: string): TrainingSettings {
  let settings = defaultTraining(objective);
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
