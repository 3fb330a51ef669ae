/** From how many pairs on the GPU is faster than JavaScript, objective by objective. */
import { InputError } from '../src/errors.ts';
import type { Gpu } from '../src/kernels/gpu/index.ts';
import { type EveryLoss, everyLoss } from '../src/kernels/losses/families/every.ts';
import type { Contender } from './contender.ts';
import { type ContenderResult, type Effort, measure } from './measure.ts';
import { type ObjectiveWork, workOf } from './objectives.ts';

export const CROSSOVER_TITLE = 'every objective, 1 to 4,096 pairs: GPU against JavaScript';

export const CROSSOVER_PAIRS = [1, 16, 256, 1024, 4096] as const;

/** Hundreds of cells: a few short rounds each. */
const EFFORT: Effort = { sampleMs: 3, rounds: 4, limitMs: 300 };

export interface CrossoverCell {
  readonly pairs: number;
  /** Absent where the objective refuses so small a batch. */
  readonly gpu?: ContenderResult;
  readonly javaScript?: ContenderResult;
}

export interface CrossoverRow {
  readonly id: string;
  readonly family: EveryLoss['kind'];
  readonly cells: readonly CrossoverCell[];
  /** Smallest size from which on the GPU is faster; null where it never is. */
  readonly from: number | null;
}

export interface Crossover {
  readonly title: string;
  readonly rows: readonly CrossoverRow[];
}

/** Measures every objective at every size: upload, dispatch and read-back against the float64 code, values compared. */
export async function runCrossover(gpu: Gpu): Promise<Crossover> {
  const rows: CrossoverRow[] = [];
  for (const every of everyLoss) {
    const cells: CrossoverCell[] = [];
    for (const pairs of CROSSOVER_PAIRS) cells.push(await measureCell(gpu, every, pairs));
    rows.push({ id: every.loss.id, family: every.kind, cells, from: crossing(cells) });
  }
  return { title: CROSSOVER_TITLE, rows };
}

async function measureCell(gpu: Gpu, every: EveryLoss, pairs: number): Promise<CrossoverCell> {
  const work = workOf(every, pairs);
  let expected: readonly number[];
  try {
    expected = work.inJavaScript();
  } catch (error) {
    if (error instanceof InputError) return { pairs };
    throw error;
  }
  const entries = [
    { name: 'GPU', build: async () => onGpu(gpu, work) },
    { name: 'JavaScript', build: async () => inJavaScript(work) },
  ];
  const [first, second] = await measure(entries, expected, 2e-5, EFFORT);
  return { pairs, gpu: first, javaScript: second };
}

function onGpu(gpu: Gpu, work: ObjectiveWork): Contender {
  let latest: readonly number[] = [];
  return {
    async run() {
      latest = await work.onGpu(gpu);
    },
    sync: async () => undefined,
    result: async () => latest,
    dispose: () => gpu.pool.trim(),
  };
}

function inJavaScript(work: ObjectiveWork): Contender {
  let latest: readonly number[] = [];
  return {
    run() {
      latest = work.inJavaScript();
    },
    sync: async () => undefined,
    result: async () => latest,
    dispose: () => undefined,
  };
}

/** The GPU counts as faster where JavaScript takes longer beyond the interval. */
function crossing(cells: readonly CrossoverCell[]): number | null {
  let from: number | null = null;
  for (const { pairs, javaScript } of cells) {
    const faster = (javaScript?.ratio?.low ?? 0) > 1;
    from = faster ? (from ?? pairs) : null;
  }
  return from;
}
