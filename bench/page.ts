/** The browser side: one page per case, driven by run.mjs. */
import type { DeviceFacts } from '../src/engine/engine.ts';
import { checkFastPaths, fastPaths } from '../src/kernels/fast-paths.ts';
import { Gpu } from '../src/kernels/gpu/index.ts';
import { casesFor, title } from './cases.ts';
import { countGpuBytes } from './gpu-bytes.ts';
import { runCase } from './suite.ts';

countGpuBytes();

Object.assign(globalThis, {
  bench: {
    /** The device after its self-check, and what will be measured on it. */
    async facts() {
      const gpu = await Gpu.create();
      await checkFastPaths(gpu);
      return { ...gpu.facts, titles: casesFor(gpu.facts.isFallback).map(title) };
    },
    /** Runs one case, with the fast paths that `facts` found to agree. */
    async run(index: number, selfCheck: DeviceFacts['selfCheck']) {
      const gpu = await Gpu.create();
      for (const { plain, fast } of fastPaths) {
        if (selfCheck.some(({ name, ok }) => ok && name === fast.name)) gpu.substitute(plain, fast);
      }
      return runCase(casesFor(gpu.facts.isFallback)[index]!, { gpu, ortPath: '/ort' });
    },
  },
});
