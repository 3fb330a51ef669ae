/** The browser side: one page per case, driven by run.mjs. */
import type { DeviceFacts } from '../src/engine/engine.ts';
import { checkFastPaths, fastPaths } from '../src/kernels/fast-paths.ts';
import { Gpu } from '../src/kernels/gpu/index.ts';
import { casesFor, title } from './cases.ts';
import { CROSSOVER_TITLE, runCrossover } from './crossover.ts';
import { countGpuBytes } from './gpu-bytes.ts';
import { runCase } from './suite.ts';

countGpuBytes();

Object.assign(globalThis, {
  bench: {
    /** The device after its self-check, and what will be measured on it; `full` asks for a GPU's sizes anywhere. */
    async facts(full: boolean) {
      const gpu = await Gpu.create();
      await checkFastPaths(gpu);
      const titles = casesFor(gpu.facts.isFallback && !full).map(title);
      return { ...gpu.facts, titles, crossoverTitle: CROSSOVER_TITLE };
    },
    /** Runs one case, with the fast paths that `facts` found to agree. */
    async run(index: number, selfCheck: DeviceFacts['selfCheck'], full: boolean) {
      const gpu = await openChecked(selfCheck);
      return runCase(casesFor(gpu.facts.isFallback && !full)[index]!, { gpu, ortPath: '/ort' });
    },
    /** Every objective at every number of pairs. */
    async crossover(selfCheck: DeviceFacts['selfCheck']) {
      return runCrossover(await openChecked(selfCheck));
    },
  },
});

async function openChecked(selfCheck: DeviceFacts['selfCheck']): Promise<Gpu> {
  const gpu = await Gpu.create();
  for (const { plain, fast } of fastPaths) {
    if (selfCheck.some(({ name, ok }) => ok && name === fast.name)) gpu.substitute(plain, fast);
  }
  return gpu;
}
