/** The files of runs as they come back from a storage or a workspace file: looked at before anything relies on them. */
import * as v from 'valibot';
import type { TrainingCheckpoint } from '../../engine/engine.ts';
import { METRICS, type MetricsSnapshot } from './metrics.ts';
import type { TracksSnapshot } from './tracks.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const numbers = v.record(v.string(), v.number());

const checkpointSchema = v.object({
  version: v.literal(1),
  objective: v.string(),
  hyperparameters: numbers,
  config: v.record(v.string(), v.unknown()),
  lora: v.looseObject({ r: count, target_modules: v.array(v.string()) }),
  reward: v.optional(v.union([v.string(), numbers])),
  step: v.pipe(count, v.minValue(1)),
  numTokens: count,
  familyState: v.optional(numbers),
  pairsHash: v.string(),
  tensors: v.array(v.looseObject({ name: v.string(), shape: v.array(count) })),
  values: v.instance(Float32Array),
  firstMoments: v.instance(Float32Array),
  secondMoments: v.instance(Float32Array),
});

/** A checkpoint whose arrays are as long as its tensors and hold numbers; undefined for anything else. */
export function readCheckpoint(value: unknown): TrainingCheckpoint | undefined {
  const read = v.safeParse(checkpointSchema, value);
  if (!read.success) return undefined;
  const { tensors, values, firstMoments, secondMoments } = read.output;
  const size = tensors.reduce((sum, { shape }) => sum + shape.reduce((product, side) => product * side, 1), 0);
  const whole = [values, firstMoments, secondMoments].every(
    (array) => array.length === size && array.every((number) => Number.isFinite(number)),
  );
  return whole ? (read.output as unknown as TrainingCheckpoint) : undefined;
}

/** Columns of one length with steps that rise; those of metrics that were not known then may lack. */
export function readMetrics(value: unknown): MetricsSnapshot | undefined {
  const columns = v.safeParse(v.looseObject({ step: v.instance(Float64Array) }), value);
  if (!columns.success) return undefined;
  const { step } = columns.output;
  const rises = step.every((each, i) => Number.isInteger(each) && each > (i > 0 ? step[i - 1] : 0));
  const known = METRICS.flatMap((name) => {
    const column = columns.output[name];
    return column instanceof Float64Array && column.length === step.length ? [[name, column] as const] : [];
  });
  return rises ? (Object.fromEntries(known) as MetricsSnapshot) : undefined;
}

const measured = v.union([v.number(), v.nan()]);
const trackPoint = v.objectWithRest(
  { step: count, inputs: v.optional(v.record(v.string(), measured)) },
  v.optional(measured),
);
const tracksSchema = v.object({
  ids: v.pipe(v.array(v.string()), v.maxLength(100_000)),
  tracks: v.array(v.pipe(v.array(trackPoint), v.maxLength(20_000))),
});

export function readTracks(value: unknown): TracksSnapshot | undefined {
  const read = v.safeParse(tracksSchema, value);
  return read.success ? (read.output as unknown as TracksSnapshot) : undefined;
}
