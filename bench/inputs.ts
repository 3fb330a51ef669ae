/** Seeded inputs of each case, and the float64 reference that every contender's values are held to. */
import type { EvaluateRequest } from '../src/engine/engine.ts';
import { headLogprobReference } from '../src/kernels/head-logprob/reference.ts';
import { linearReference } from '../src/kernels/linear/reference.ts';
import { random } from '../tests/support/random.ts';
import type { HeadCase, LinearCase } from './cases.ts';

export interface HeadInputs {
  readonly hidden: Float32Array<ArrayBuffer>;
  readonly weights: Float32Array<ArrayBuffer>;
  readonly targets: Uint32Array<ArrayBuffer>;
}

export interface LinearInputs {
  readonly x: Float32Array<ArrayBuffer>;
  readonly weights: Float32Array<ArrayBuffer>;
}

/** Rows the slow reference computes; the work of a row does not depend on the others. */
export const CHECKED_ROWS = 4;

/** Cheap, even values in [-1, 1) times `scale`: tens of millions are needed. */
export function values(n: number, seed: number, scale: number): Float32Array<ArrayBuffer> {
  const { next } = random(seed);
  const filled = new Float32Array(n);
  for (let i = 0; i < n; i++) filled[i] = (next() * 2 - 1) * scale;
  return filled;
}

export function headInputs({ tokens, width, vocab }: HeadCase): HeadInputs {
  return {
    hidden: values(tokens * width, 1, 1),
    weights: values(vocab * width, 2, 4 / Math.sqrt(width)),
    targets: random(3).ints(tokens, vocab) as Uint32Array<ArrayBuffer>,
  };
}

export function linearInputs({ rows, width, out }: LinearCase): LinearInputs {
  return { x: values(rows * width, 1, 1), weights: values(out * width, 2, 1 / Math.sqrt(width)) };
}

/** Log-probabilities of the first rows. */
export function headExpected({ width }: HeadCase, { hidden, weights, targets }: HeadInputs): Float64Array {
  const some = targets.subarray(0, CHECKED_ROWS);
  return headLogprobReference(hidden.subarray(0, some.length * width), weights, some, width).logps;
}

/** The first rows of y. */
export function linearExpected({ rows, width }: LinearCase, { x, weights }: LinearInputs): Float64Array {
  return linearReference(x.subarray(0, Math.min(rows, CHECKED_ROWS) * width), weights, width);
}

/** DPO over pairs that look like real ones: sums of a few dozen token log-probabilities. */
export function lossRequest(pairs: number): EvaluateRequest {
  const { normal } = random(4);
  const rows = Array.from({ length: pairs }, () => {
    const [chosen, rejected] = [-40 + 10 * normal(), -45 + 10 * normal()];
    return { chosen, rejected, refChosen: chosen + normal(), refRejected: rejected + normal() };
  });
  return { objective: 'dpo_sigmoid', hyperparameters: { beta: 0.1 }, rows };
}
