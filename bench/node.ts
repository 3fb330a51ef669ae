/** The Node side: the same cases in this process. */
import { checkFastPaths } from '../src/kernels/fast-paths.ts';
import { Gpu } from '../src/kernels/gpu/index.ts';
import { casesFor, title } from './cases.ts';
import { CROSSOVER_TITLE, type Crossover, runCrossover } from './crossover.ts';
import { countGpuBytes } from './gpu-bytes.ts';
import { type CaseResult, runCase } from './suite.ts';

interface Listener {
  begin(facts: Gpu['facts']): void;
  report(result: CaseResult): void;
  crossover(found: Crossover): void;
}

/** Runs the cases that are wanted by title and reports each as it ends; `full` asks for a GPU's sizes anywhere. */
export async function runAll(
  entry: GPU,
  full: boolean,
  wanted: (title: string) => boolean,
  { begin, report, crossover }: Listener,
): Promise<Gpu['facts']> {
  countGpuBytes();
  const gpu = await Gpu.create({ gpu: entry });
  await checkFastPaths(gpu);
  begin(gpu.facts);
  for (const item of casesFor(gpu.facts.isFallback && !full)) {
    if (wanted(title(item))) report(await runCase(item, { gpu }));
  }
  if (wanted(CROSSOVER_TITLE)) crossover(await runCrossover(gpu));
  return gpu.facts;
}
