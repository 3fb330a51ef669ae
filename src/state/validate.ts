/**
 * Reading what did not come from this page's own memory: links and workspace files. Whatever is not valid is left
 * out, so that a damaged or hostile file can at worst give less, never break the page.
 */
import { isObject } from '../check.ts';
import { taggedLoss } from '../kernels/losses/families/every.ts';
import {
  BACKGROUNDS,
  MAX_OBJECTS,
  NOUNS,
  SCENE_SIZE,
  type Scene,
  type SceneObject,
  SPRITE_SIZES,
} from '../toybox/index.ts';
import { clampSetting, DEFAULT_SETTINGS, type NumericSetting, SETTING_RANGES } from './defaults.ts';
import { objectiveNamed, refusal } from './objectives.ts';
import type { AppState, Settings } from './state.ts';
import { validTraining } from './training/settings.ts';

/** A text of sensible length; undefined for anything else. */
function text(value: unknown, longest: number): string | undefined {
  return typeof value === 'string' && value.length <= longest ? value : undefined;
}

/** Model ids: names and hub paths. */
function modelId(value: unknown): string | undefined {
  const id = text(value, 120);
  return id !== undefined && /^[\w.-]+(\/[\w.-]+)?$/.test(id) ? id : undefined;
}

/** The hyperparameters that exist, are finite and are not refused by their objective. */
export function validHyperparameters(value: unknown): Settings['hyperparameters'] {
  const result: Record<string, Record<string, number>> = {};
  if (!isObject(value)) return result;
  for (const [id, knobs] of Object.entries(value)) {
    const objective = taggedLoss(id)?.loss;
    if (!objective || !isObject(knobs)) continue;
    for (const [key, number] of Object.entries(knobs)) {
      const settings = { ...DEFAULT_SETTINGS, hyperparameters: result };
      if (typeof number !== 'number' || refusal(objective, settings, key, number)) continue;
      result[id] = { ...result[id], [key]: number };
    }
  }
  return result;
}

/** The valid part of what claims to be settings. */
export function validSettings(value: unknown): Partial<Settings> {
  if (!isObject(value)) return {};
  const result: { -readonly [K in keyof Settings]?: Settings[K] } = {};
  const vlm = modelId(value.vlm);
  const clip = modelId(value.clip);
  const prompt = text(value.prompt, 4000);
  const objective = text(value.objective, 120);
  if (vlm) result.vlm = vlm;
  if (clip) result.clip = clip;
  if (prompt !== undefined) result.prompt = prompt;
  if (objective && objectiveNamed(objective)) result.objective = objective;
  for (const key of Object.keys(SETTING_RANGES) as NumericSetting[]) {
    const number = value[key];
    if (typeof number === 'number' && Number.isFinite(number)) result[key] = clampSetting(key, number);
  }
  if ('hyperparameters' in value) result.hyperparameters = validHyperparameters(value.hyperparameters);
  if (isObject(value.training)) {
    result.training = validTraining(value.training, result.objective ?? DEFAULT_SETTINGS.objective);
  }
  return result;
}

const VIEWS = {
  tab: ['images', 'responses', 'objective', 'training'],
  bottom: ['pairs', 'training'],
  theme: ['system', 'light', 'dark'],
  metPhotographs: [true, false],
} as const satisfies { readonly [K in 'tab' | 'bottom' | 'theme' | 'metPhotographs']: readonly AppState['view'][K][] };

/** The valid part of what claims to be the stored view. */
export function validView(value: unknown): Partial<AppState['view']> {
  if (!isObject(value)) return {};
  const known = Object.entries(VIEWS).filter(([key, allowed]) => allowed.some((each) => each === value[key]));
  return Object.fromEntries(known.map(([key]) => [key, value[key]]));
}

function validObject(value: unknown): SceneObject | undefined {
  if (!isObject(value)) return undefined;
  const noun = NOUNS.find((entry) => entry.noun === value.noun);
  const style = noun?.styles.find((name) => name === value.style);
  const size = SPRITE_SIZES.find((side) => side === value.size);
  const { x, y } = value;
  if (!noun || !style || !size || typeof x !== 'number' || typeof y !== 'number') return undefined;
  if (!(Math.abs(x) <= SCENE_SIZE && Math.abs(y) <= SCENE_SIZE)) return undefined;
  return { noun: noun.noun, style, x: Math.trunc(x), y: Math.trunc(y), size };
}

/** A Toybox scene, or undefined when any part of it is not of that world. */
export function validScene(value: unknown): Scene | undefined {
  if (!isObject(value) || !Array.isArray(value.objects) || value.objects.length > MAX_OBJECTS) return undefined;
  const background = BACKGROUNDS.find(({ name }) => name === value.background);
  const objects = value.objects.map(validObject);
  if (!background || objects.includes(undefined)) return undefined;
  return { background: background.name, objects: objects as SceneObject[] };
}
