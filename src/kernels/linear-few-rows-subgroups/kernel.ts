import { defineKernel } from '../gpu/declare.ts';
import { linearFewRows } from '../linear-few-rows/kernel.ts';
import enableSubgroups from '../shared/enable-subgroups.wgsl';
import { formatName, type WeightFormat, weightReader } from '../shared/weights.ts';
import main from './linear-few-rows-subgroups.wgsl';

/** Columns and rows of y per workgroup, as in linear-few-rows-subgroups.wgsl. */
const COLUMNS = 8;
const ROWS = 4;

/**
 * Fast path of `linear-few-rows`: the same bindings and parameters, with subgroup sums. Takes its place where
 * the start-up self-check finds that both agree on this device (`fast-paths.ts`).
 */
function declare(format: WeightFormat) {
  return defineKernel({
    ...linearFewRows[format],
    name: formatName('linear-few-rows-subgroups', format),
    files: [enableSubgroups, weightReader[format], main],
    features: ['subgroups'],
    constants: { ACCUMULATE: 0 },
    workgroups: ({ rows, out }) => [Math.ceil(out / COLUMNS), Math.ceil(rows / ROWS), 1],
  });
}

export const linearFewRowsSubgroups = { f32: declare('f32'), f16: declare('f16'), bf16: declare('bf16') } as const;
