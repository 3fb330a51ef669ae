/** The Node side: the same cases in this process. */
import { checkFastPaths } from '../src/kernels/fast-paths.ts';
import { Gpu } from '../src/kernels/gpu/index.ts';
import { casesFor, title } from './cases.ts';
import { countGpuBytes } from './gpu-bytes.ts';
import { type CaseResult, runCase } from './suite.ts';

/** Runs the cases that are wanted by title and reports each as it ends. */
export async function runAll(
  entry: GPU,
  wanted: (title: string) => boolean,
  begin: (facts: Gpu['facts']) => void,
  report: (result: CaseResult) => void,
): Promise<Gpu['facts']> {
  countGpuBytes();
  const gpu = await Gpu.create({ gpu: entry });
  await checkFastPaths(gpu);
  begin(gpu.facts);
  for (const item of casesFor(gpu.facts.isFallback)) {
    if (wanted(title(item))) report(await runCase(item, { gpu }));
  }
  return gpu.facts;
}
