/**
 * What a stored or imported record must look like. One schema for each kind: what IndexedDB, the journal and a
 * workspace file hold goes through the same one, so that a damaged record costs itself and never the page.
 */
import * as v from 'valibot';
import type { TokenScore } from '../engine/engine.ts';
import { taggedLoss } from '../kernels/losses/families/every.ts';
import { POPE_SETTINGS, type PopeSetting } from '../preference/metrics/index.ts';
import { TARGET_MODULES } from '../training/config.ts';
import type { AdapterRecord, CandidateRecord, HeldOutPoint, ImageRecord, PairRecord, RunRecord } from './state.ts';
import { DEFAULT_TRAINING, REWARDS, type TrainingSettings, validTraining } from './training/settings.ts';
import { validScene } from './validate.ts';

/** Far beyond what a model reads; guards against files made to fill the memory. */
const LONGEST_TEXT = 1_000_000;

const id = v.pipe(v.string(), v.minLength(1), v.maxLength(200));
/** Also the name of a folder of the storage. */
const folder = v.pipe(v.string(), v.regex(/^[\w-]{1,100}$/, 'is not an id of Margin'));
const text = v.pipe(v.string(), v.maxLength(LONGEST_TEXT));
const answer = v.pipe(
  text,
  v.check((value) => value.trim() !== '', 'is empty'),
);
const finite = v.pipe(v.number(), v.finite());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
/** A mean of nothing is NaN, and shown as such. */
const measured = v.union([v.number(), v.nan()]);

/** Whatever has this shape; a mistake here costs the field, not the record. */
const optionally = <T>(read: (value: unknown) => T | undefined) => v.optional(v.pipe(v.unknown(), v.transform(read)));

const token = v.object({
  id: count,
  text: v.string(),
  special: v.optional(v.literal(true)),
  bytes: v.optional(v.pipe(v.string(), v.maxLength(100))),
  logp: finite,
  entropy: finite,
  top1: finite,
});
const tokens = v.pipe(v.array(token), v.maxLength(20_000));
const scored = v.object({ tokens, sum: finite, length: count });

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const box = v.object({ x1: share, y1: share, x2: share, y2: share, score: share });
const sighting = v.object({
  noun: v.pipe(v.string(), v.maxLength(100)),
  chance: share,
  boxes: v.pipe(v.array(box), v.maxLength(1000)),
});
const judged = v.object({ pictures: count, flags_agreed: share, flags_swapped: share });
/** Damaged, it is as if nobody had looked: the detector looks again. */
const seen = v.object({
  by: v.pipe(v.string(), v.maxLength(200)),
  things: v.pipe(v.array(sighting), v.maxLength(1000)),
  judged: v.optional(judged),
});

export const imageSchema = v.object({
  id,
  name: v.pipe(v.string(), v.maxLength(1000)),
  width: count,
  height: count,
  bytes: count,
  credit: v.optional(v.pipe(v.string(), v.maxLength(300))),
  scene: optionally(validScene),
  seen: v.fallback(v.optional(seen), undefined),
});

export const candidateSchema = v.object({
  id,
  imageId: id,
  prompt: text,
  text,
  tokens,
  logpSum: finite,
  reference: v.optional(scored),
  source: v.picklist(['sampled', 'edited', 'written']),
  status: v.picklist(['streaming', 'scoring', 'ready', 'error']),
  finish: v.optional(v.picklist(['stop', 'length', 'cancelled'])),
  clip: v.optional(finite),
  mark: v.optional(v.picklist(['chosen', 'rejected'])),
  error: v.optional(text),
});

const both = v.object({ chosen: finite, rejected: finite });

export const pairSchema = v.object({
  id,
  imageId: id,
  prompt: text,
  chosen: answer,
  rejected: answer,
  verdict: v.picklist(['preferred', 'tie']),
  scores: v.optional(
    v.object({
      row: v.objectWithRest({ chosen: finite, rejected: finite }, v.optional(finite)),
      chosen: scored,
      rejected: scored,
    }),
  ),
  clip: v.optional(both),
  given: v.optional(both),
  scoredBy: v.optional(v.object({ vlm: v.optional(text), clip: v.optional(text), adapter: v.optional(text) })),
  error: v.optional(text),
});

const lora = v.object({
  r: v.pipe(count, v.minValue(1), v.maxValue(256)),
  lora_alpha: finite,
  target_modules: v.pipe(v.array(v.picklist(TARGET_MODULES)), v.minLength(1), v.maxLength(TARGET_MODULES.length)),
});
const imported = { key: folder, name: v.optional(v.pipe(v.string(), v.maxLength(1000))), lora: v.optional(lora) };

export const adapterSchema = v.union([
  v.object({ key: v.pipe(v.string(), v.maxLength(200)), run: folder, step: count }),
  v.object({ ...imported, run: v.optional(v.undefined()), step: count }),
]);

/** A run keeps the very settings it had: one that cannot be is no run. What an older version did not know had its default. */
function runSettings(value: unknown): TrainingSettings | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const usable = validTraining(value, '');
  for (const key of Object.keys(DEFAULT_TRAINING) as (keyof TrainingSettings)[]) {
    const given = (value as Record<string, unknown>)[key];
    if (given !== undefined && JSON.stringify(given) !== JSON.stringify(usable[key])) return undefined;
  }
  return usable;
}

const heldOutPoint = v.object({
  step: count,
  scenes: count,
  world: v.optional(v.picklist(['toybox', 'photographs'])),
  chairI: measured,
  cover: measured,
  f1: measured,
  pope: v.optional(
    v.object({
      scenes: count,
      ...(Object.fromEntries(POPE_SETTINGS.map((name) => [name, measured])) as Record<PopeSetting, typeof measured>),
    }),
  ),
  margin: measured,
  example: text,
});

const steps = v.pipe(
  v.array(v.pipe(count, v.minValue(1))),
  v.maxLength(1000),
  v.check((all) => all.every((step, i) => i === 0 || all[i - 1] < step), 'are not in order'),
);

export const runSchema = v.object({
  id: folder,
  ordinal: count,
  vlm: v.pipe(v.string(), v.maxLength(200)),
  objective: v.pipe(
    v.string(),
    v.check((name) => taggedLoss(name) !== undefined, 'is no loss of this version'),
  ),
  hyperparameters: v.record(v.string(), finite),
  settings: v.pipe(
    v.unknown(),
    v.transform(runSettings),
    v.custom<TrainingSettings>((value) => value !== undefined, 'cannot be used'),
  ),
  from: v.optional(v.object(imported)),
  reward: v.optional(v.union([v.picklist(REWARDS), v.partial(v.object({ clip: finite, truth: finite }))])),
  pairs: count,
  pairsKey: v.string(),
  textsKey: v.optional(v.string()),
  steps: count,
  stepsPerEpoch: v.pipe(v.number(), v.minValue(0), v.finite()),
  parameters: count,
  trainingBytes: count,
  step: count,
  status: v.picklist(['running', 'paused', 'finished', 'stopped', 'failed']),
  message: v.optional(text),
  checkpoints: steps,
  heldOut: v.pipe(v.array(heldOutPoint), v.maxLength(100_000)),
  divergence: v.optional(
    v.pipe(
      v.array(v.object({ step: count, answers: count, tokens: count, perToken: measured, perAnswer: measured })),
      v.maxLength(100_000),
    ),
  ),
});

/** The schemas and the types of the state say the same: where they drift apart, this does not compile. */
({}) as {
  token: v.InferOutput<typeof token>;
  image: v.InferOutput<typeof imageSchema>;
  candidate: v.InferOutput<typeof candidateSchema>;
  pair: v.InferOutput<typeof pairSchema>;
  heldOut: v.InferOutput<typeof heldOutPoint>;
  run: v.InferOutput<typeof runSchema>;
  adapter: v.InferOutput<typeof adapterSchema>;
} satisfies {
  token: TokenScore;
  image: ImageRecord;
  candidate: CandidateRecord;
  pair: PairRecord;
  heldOut: HeldOutPoint;
  run: RunRecord;
  adapter: AdapterRecord;
};
/** What a schema does not know would be left out without a word. */
type Lacking<T, S> = Exclude<keyof T, keyof S>;
({}) as {
  token: Lacking<TokenScore, v.InferOutput<typeof token>>;
  image: Lacking<ImageRecord, v.InferOutput<typeof imageSchema>>;
  candidate: Lacking<CandidateRecord, v.InferOutput<typeof candidateSchema>>;
  pair: Lacking<PairRecord, v.InferOutput<typeof pairSchema>>;
  heldOut: Lacking<HeldOutPoint, v.InferOutput<typeof heldOutPoint>>;
  run: Lacking<RunRecord, v.InferOutput<typeof runSchema>>;
} satisfies Record<string, never>;

export interface BadRecord {
  readonly value: unknown;
  /** What is wrong with it: "chosen is empty". */
  readonly why: string;
}

/** A reason may quote what was found, which may be anything. */
const LONGEST_REASON = 160;

function whyNot([issue]: readonly v.BaseIssue<unknown>[]): string {
  const where = v.getDotPath(issue);
  if (issue.received === 'undefined') return where ? `${where} is missing` : 'it is missing';
  const what = issue.message.startsWith('Invalid') ? issue.message.replace(/^Invalid/, 'invalid') : issue.message;
  const short = what.length > LONGEST_REASON ? `${what.slice(0, LONGEST_REASON)}…` : what;
  return where ? `${where}: ${short}` : short;
}

/** The value as its schema has it, without what the schema does not know; or what is wrong with it. */
export function readRecord<T>(schema: v.GenericSchema<unknown, T>, value: unknown): { good: T } | BadRecord {
  const { success, output, issues } = v.safeParse(schema, value);
  return success ? { good: output } : { value, why: whyNot(issues) };
}

/** The records of a list that are whole, each id once, and those that are not. */
export function readRecords<T extends { readonly id: string }>(
  schema: v.GenericSchema<unknown, T>,
  list: unknown,
): { good: T[]; bad: BadRecord[] } {
  const good = new Map<string, T>();
  const bad: BadRecord[] = [];
  for (const value of Array.isArray(list) ? list : []) {
    const read = readRecord(schema, value);
    if ('why' in read) bad.push(read);
    else if (!good.has(read.good.id)) good.set(read.good.id, read.good);
  }
  return { good: [...good.values()], bad };
}
