/** The state of a fresh page. */
import { type NumberRule, refusal } from '../check.ts';
import type { AppState, Settings } from './state.ts';
import { defaultTraining } from './training/settings.ts';

export const DEFAULT_SETTINGS: Settings = {
  vlm: 'toybox-vlm',
  clip: 'toybox-clip',
  prompt: 'Describe the image.',
  n: 4,
  temperature: 1,
  topP: 0.95,
  maxTokens: 48,
  seed: 1,
  objective: 'dpo_sigmoid',
  hyperparameters: {},
  training: defaultTraining('dpo_sigmoid'),
};

/** Least and greatest value of each number among the settings; whole numbers where `integer` says so. */
export const SETTING_RANGES = {
  n: { kind: 'number', min: 1, max: 16, integer: true },
  temperature: { kind: 'number', min: 0, max: 2, integer: false },
  topP: { kind: 'number', min: 0.05, max: 1, integer: false },
  maxTokens: { kind: 'number', min: 1, max: 512, integer: true },
  seed: { kind: 'number', min: 0, max: 4294967295, integer: true },
} as const satisfies Readonly<Record<string, NumberRule>>;

export type NumericSetting = keyof typeof SETTING_RANGES;

/** The nearest allowed value of a numeric setting; the default where `value` is not a number. */
export function clampSetting(key: NumericSetting, value: number): number {
  const { min, max, integer } = SETTING_RANGES[key];
  if (!Number.isFinite(value)) return DEFAULT_SETTINGS[key];
  const clamped = Math.min(max, Math.max(min, value));
  return integer ? Math.round(clamped) : clamped;
}

/** Why a numeric setting cannot be used, as a sentence; null when it can. */
export function settingRefusal(key: NumericSetting, value: unknown): string | null {
  return refusal(key, value, SETTING_RANGES[key]);
}

export const INITIAL_STATE: AppState = {
  settings: DEFAULT_SETTINGS,
  images: [],
  selectedImage: null,
  lookErrors: {},
  candidates: [],
  pairs: [],
  selectedPair: null,
  training: { phase: 'idle', runs: [], run: null, comparison: null },
  adapter: null,
  engine: { kind: 'idle' },
  activity: null,
  notices: [],
  history: { undo: null, redo: null },
  view: { tab: 'images', bottom: 'pairs', overlay: 'none', loss: null, theme: 'system', metPhotographs: false },
};
