/**
 * Settings as the hash of an address, readable and short:
 * `#vlm=toybox-vlm&clip=toybox-clip&prompt=…&n=4&t=1&top_p=0.95&max=48&seed=1&objective=dpo_sigmoid&dpo_sigmoid.beta=0.2`
 * `gallery=` opens the gallery of losses, `gallery=simpo` the page of one.
 */
import { numberIn } from '../../check.ts';
import { taggedLoss } from '../../kernels/losses/families/every.ts';
import { DEFAULT_SETTINGS, type NumericSetting, SETTING_RANGES, settingRefusal } from '../defaults.ts';
import { refusal } from '../objectives.ts';
import type { AppState, Settings } from '../state.ts';
import { defaultTraining, trainingFields, trainingRefusal } from '../training/settings.ts';
import { validSettings } from '../validate.ts';

/** Name of each setting in the link. Typed over every key: a new setting without a name does not compile. */
const NAMES: { readonly [K in Exclude<keyof Settings, 'hyperparameters' | 'training'>]: string } = {
  vlm: 'vlm',
  clip: 'clip',
  prompt: 'prompt',
  n: 'n',
  temperature: 't',
  topP: 'top_p',
  maxTokens: 'max',
  seed: 'seed',
  objective: 'objective',
};

/** The hash, without `#`. Settings are written out, so that a link means the same when defaults change; of those of training, which are many, only what differs. */
export function encodeLink(settings: Settings, view?: Pick<AppState['view'], 'overlay' | 'loss'>): string {
  const fields = new URLSearchParams();
  for (const [key, name] of Object.entries(NAMES)) {
    fields.set(name, String(settings[key as keyof typeof NAMES]));
  }
  for (const [objective, knobs] of Object.entries(settings.hyperparameters)) {
    for (const [key, value] of Object.entries(knobs)) fields.set(`${objective}.${key}`, String(value));
  }
  for (const [key, value] of trainingFields(settings.training, settings.objective)) fields.set(`train.${key}`, value);
  if (view?.overlay === 'gallery') fields.set('gallery', view.loss ?? '');
  return fields.toString();
}

/** The settings a hash carries. What is missing, unknown or out of range is left out; junk gives `{}`. */
export function decodeLink(hash: string): Partial<Settings> {
  const fields = new URLSearchParams(hash.replace(/^#/, ''));
  const raw: Record<string, unknown> = {};
  for (const [key, name] of Object.entries(NAMES)) {
    const value = fields.get(name);
    if (value === null) continue;
    const isNumber = typeof DEFAULT_SETTINGS[key as keyof typeof NAMES] === 'number';
    raw[key] = isNumber ? (value.trim() === '' ? Number.NaN : Number(value)) : value;
  }
  const hyperparameters: Record<string, Record<string, number>> = {};
  const training: Record<string, string> = {};
  for (const [name, value] of fields) {
    if (name.startsWith('train.')) training[name.slice('train.'.length)] = value;
    const dot = name.indexOf('.');
    if (dot <= 0 || value.trim() === '') continue;
    const objective = name.slice(0, dot);
    hyperparameters[objective] = { ...hyperparameters[objective], [name.slice(dot + 1)]: Number(value) };
  }
  const settings = validSettings({ ...raw, hyperparameters, training });
  // A link without knobs says "defaults" only when it says anything at all.
  const { hyperparameters: knobs, training: _training, ...rest } = settings;
  if (Object.keys(rest).length === 0 && Object.keys(knobs ?? {}).length === 0) return {};
  return settings;
}

/** Enough of a text to recognise it. */
const short = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text);

/** Why one field of a link cannot be used as it stands, as a sentence; null where it can. */
function problemOf(name: string, value: string, settings: Partial<Settings>): string | null {
  const key = Object.entries(NAMES).find(([, each]) => each === name)?.[0] as keyof typeof NAMES | undefined;
  if (key !== undefined) {
    if (key in SETTING_RANGES) {
      const refused = settingRefusal(key as NumericSetting, numberIn(value));
      return (
        refused &&
        `${refused.replace(key, name)} ${settings[key] === undefined ? 'It was left out.' : `${settings[key]} is used.`}`
      );
    }
    if (settings[key] === value) return null;
    if (key === 'prompt') return `The prompt has ${value.length} characters; at most 4000 are read. It was left out.`;
    return `There is no ${key === 'objective' ? key : `${name} model`} "${short(value)}".`;
  }
  if (name === 'gallery') return value === '' || taggedLoss(value) ? null : `There is no objective "${short(value)}".`;
  const dot = name.indexOf('.');
  if (dot <= 0) return value === '' ? null : `"${short(name)}" is not a setting.`;
  const [first, rest] = [name.slice(0, dot), name.slice(dot + 1)];
  if (first === 'train') {
    const training = settings.training ?? defaultTraining(settings.objective ?? DEFAULT_SETTINGS.objective);
    return trainingRefusal(training, rest, value);
  }
  const objective = taggedLoss(first)?.loss;
  if (!objective) return `There is no objective "${short(first)}".`;
  const number = value.trim() === '' ? Number.NaN : Number(value);
  return settings.hyperparameters?.[first]?.[rest] === number
    ? null
    : (refusal(objective, { ...DEFAULT_SETTINGS, ...settings }, rest, number) ?? null);
}

/** What of a link cannot be used as it stands: a sentence for each field, each once. */
export function linkProblems(hash: string): string[] {
  const settings = decodeLink(hash);
  const fields = new URLSearchParams(hash.replace(/^#/, ''));
  return [...new Set([...fields].flatMap(([name, value]) => problemOf(name, value, settings) ?? []))];
}

/** What a hash wants opened over the page; null for nothing, or for a loss that does not exist. */
export function decodeView(hash: string): Pick<AppState['view'], 'overlay' | 'loss'> | null {
  const loss = new URLSearchParams(hash.replace(/^#/, '')).get('gallery');
  if (loss === null || (loss !== '' && !taggedLoss(loss))) return null;
  return { overlay: 'gallery', loss: loss || null };
}
