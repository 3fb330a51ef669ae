import type { Gpu, Tensor } from '../../kernels/gpu/index.ts';

/** A micro-batch has no finite loss, noticed before the end of the step: the trainer ends the run as it does then. */
export class NotFiniteError extends Error {
  override readonly name = 'NotFiniteError';
}

/** Reads tensors in the middle of a step, for statistics of the batch. @throws NotFiniteError. */
export async function readFinite(gpu: Gpu, tensors: readonly Tensor[]): Promise<Float32Array[]> {
  const values = (await gpu.readAll([...tensors])) as Float32Array[];
  if (values.some((each) => !each.every(Number.isFinite)))
    throw new NotFiniteError('A sum of the batch is not finite.');
  return values;
}
