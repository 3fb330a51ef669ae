/**
 * What a value must be, as data, and the sentences for what is not. The page's fields, the console and the engine judge by
 * the same rules: a range that changes here changes for all of them.
 */
import { InputError } from './errors.ts';

/** A finite number. Limits are inclusive as `min` and `max`, exclusive as `above` and `below`. */
export interface NumberRule {
  readonly kind: 'number';
  readonly integer?: boolean;
  readonly min?: number;
  readonly max?: number;
  readonly above?: number;
  readonly below?: number;
  /** What else is good to know about its values. */
  readonly note?: string;
}

export type Rule =
  | NumberRule
  /** `filled`: more than blanks. */
  | { readonly kind: 'text'; readonly filled?: boolean }
  | { readonly kind: 'flag' }
  /** `words` in place of the names, where these are too many to list. */
  | { readonly kind: 'choice'; readonly of: readonly string[]; readonly words?: string }
  /** `filled`: at least one. `example` is how to write it. */
  | { readonly kind: 'list'; readonly of: Rule; readonly filled?: boolean; readonly example?: string }
  /** Anything that passes `is`, said in words. */
  | { readonly kind: 'other'; readonly words: string; is(value: unknown): boolean };

/** The fields of an object. */
export interface Fields {
  readonly rules: Readonly<Record<string, Rule>>;
  /** Those that cannot be left out. */
  readonly required?: readonly string[];
  /** Names that belong to nobody here, and where they belong instead, as a sentence. */
  readonly elsewhere?: Readonly<Record<string, string>>;
  /** Other names for fields, as other libraries have them. */
  readonly aka?: Readonly<Record<string, string>>;
}

export const flag: Rule = { kind: 'flag' };
export const text: Rule = { kind: 'text' };
export const filledText: Rule = { kind: 'text', filled: true };
export const whole = (limits: Omit<NumberRule, 'kind' | 'integer'> = {}): NumberRule => ({
  kind: 'number',
  integer: true,
  ...limits,
});
export const real = (limits: Omit<NumberRule, 'kind' | 'integer'> = {}): NumberRule => ({ kind: 'number', ...limits });
export const choice = (of: readonly string[]): Rule => ({ kind: 'choice', of });

/** A value as a sentence shows it: texts in quotes, and no object at length. */
export function shown(value: unknown): string {
  if (typeof value === 'string') {
    const letters = [...value];
    return letters.length > 60 ? `"${letters.slice(0, 59).join('')}…"` : `"${value}"`;
  }
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'function') return 'a function';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** The number that a text writes; the text itself where it writes none, for a sentence that quotes it. */
export function numberIn(text: string): number | string {
  return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
}

/** Whether a value is an object with fields: no list, no null. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function numberWords({ integer, min, max, above, below, note }: NumberRule): string {
  const least = min !== undefined ? `at least ${min}` : above !== undefined ? `above ${above}` : '';
  const most = max !== undefined ? `at most ${max}` : below !== undefined ? `below ${below}` : '';
  const both =
    min !== undefined && max !== undefined ? `from ${min} to ${max}` : [least, most].filter(Boolean).join(' and ');
  const kind = integer ? 'a whole number' : 'a number';
  const range = both.startsWith('at least') ? ` of ${both}` : both && ` ${both}`;
  return `${kind}${range}${note ? `; ${note}` : ''}`;
}

/** What a value must be, to go on after "it must be". */
function ruleWords(rule: Rule): string {
  switch (rule.kind) {
    case 'number':
      return numberWords(rule);
    case 'text':
      return rule.filled ? 'text that is not empty' : 'text';
    case 'flag':
      return 'true or false';
    case 'choice':
      return rule.words ?? `one of ${rule.of.join(', ')}`;
    case 'list': {
      const items = rule.example ? `, such as ${rule.example}` : '';
      return `${rule.filled ? 'a list of at least one' : 'a list'}${items}`;
    }
    case 'other':
      return rule.words;
  }
}

function fits(rule: Rule, value: unknown): boolean {
  switch (rule.kind) {
    case 'number': {
      if (typeof value !== 'number' || !Number.isFinite(value)) return false;
      const { integer, min = -Infinity, max = Infinity, above = -Infinity, below = Infinity } = rule;
      return (
        value >= min && value <= max && value > above && value < below && (!integer || Number.isSafeInteger(value))
      );
    }
    case 'text':
      return typeof value === 'string' && (!rule.filled || value.trim() !== '');
    case 'flag':
      return typeof value === 'boolean';
    case 'choice':
      return typeof value === 'string' && rule.of.includes(value);
    case 'list':
      return Array.isArray(value) && (!rule.filled || value.length > 0);
    case 'other':
      return rule.is(value);
  }
}

/** Why a value cannot be used, as a sentence; null when it can. */
export function refusal(name: string, value: unknown, rule: Rule): string | null {
  if (!fits(rule, value)) {
    const near = rule.kind === 'choice' && typeof value === 'string' ? nearest(value, rule.of) : undefined;
    return `${name} is ${shown(value)}; ${near ? `did you mean "${near}"?` : `it must be ${ruleWords(rule)}.`}`;
  }
  if (rule.kind !== 'list') return null;
  const items = value as readonly unknown[];
  for (const [i, item] of items.entries()) {
    const why = refusal(`${name}[${i}]`, item, rule.of);
    if (why) return why;
  }
  return null;
}

/** @throws {InputError} naming the value, where it cannot be used. */
export function check(name: string, value: unknown, rule: Rule): void {
  const why = refusal(name, value, rule);
  if (why !== null) throw new InputError(why, name);
}

/**
 * Checks an object field by field; a field that is `undefined` counts as left out.
 * @param call what is called so, for the sentences: `margin.sample`.
 * @throws {InputError} with a sentence for every key that is unknown, missing or mistyped, not for the first alone.
 */
export function checkFields(
  call: string,
  given: unknown,
  { rules, required = [], elsewhere = {}, aka = {} }: Fields,
): void {
  if (!isObject(given)) {
    throw new InputError(
      `${call} takes an object with ${listed(Object.keys(rules))}; it was given ${shown(given)}.`,
      call,
    );
  }
  const problems: { readonly key: string; readonly why: string }[] = [];
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const why = Object.hasOwn(rules, key)
      ? refusal(key, value, rules[key])
      : Object.hasOwn(elsewhere, key)
        ? elsewhere[key]
        : unknownKey(call, key, Object.keys(rules), aka);
    if (why !== null) problems.push({ key, why });
  }
  for (const key of required) {
    if (given[key] === undefined)
      problems.push({ key, why: `${key} is missing; it must be ${ruleWords(rules[key])}.` });
  }
  if (problems.length > 0) throw new InputError(problems.map(({ why }) => why).join(' '), problems[0].key);
}

/** Without the keys whose value is `undefined`, which would hide defaults. */
export function defined<T extends object>(given: T): T {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T;
}

/** A sentence about a key that nobody knows, with the name that was probably meant. */
function unknownKey(
  what: string,
  key: string,
  known: readonly string[],
  aka: Readonly<Record<string, string>> = {},
): string {
  const near = Object.hasOwn(aka, key) ? aka[key] : nearest(key, known);
  return near ? `${key}: did you mean ${near}?` : `${key} is unknown to ${what}, which has ${listed(known)}.`;
}

const listed = (names: readonly string[]): string =>
  names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${names.at(-1)}` : (names[0] ?? 'none');

/** `learningRate`, `learning-rate` and `learning_rate` are one name. */
const plain = (name: string): string => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');

/**
 * The known name that a mistyped one is nearest to: the same letters, the beginning of it, or a slip or two away;
 * undefined where none is.
 */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const wanted = plain(name);
  const same = known.find((each) => plain(each) === wanted);
  const begun = wanted.length >= 3 ? known.find((each) => plain(each).startsWith(wanted)) : undefined;
  if (same ?? begun) return same ?? begun;
  const most = Math.min(2, Math.floor(wanted.length / 3));
  let best: { readonly name: string; readonly slips: number } | undefined;
  for (const each of known) {
    const slips = slipsBetween(wanted, plain(each));
    if (slips <= most && slips < (best?.slips ?? Infinity)) best = { name: each, slips };
  }
  return best?.name;
}

/** Letters to add, drop or replace to get from one word to the other (Levenshtein). */
function slipsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}
