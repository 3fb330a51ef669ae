import { Gpu } from '../../src/kernels/gpu/index.ts';

let shared: Promise<Gpu> | undefined;

/** The one device of this test page. A missing adapter fails the test that asks; nothing skips. */
export function sharedGpu(): Promise<Gpu> {
  shared ??= Gpu.create();
  return shared;
}
