/** jax-js, the way its users write it: jitted, full logits, a one-hot mask (which jit fuses) instead of a gather. */
import {
  blockUntilReady,
  defaultDevice,
  getWebGPUDevice,
  init,
  type Array as JaxArray,
  jit,
  nn,
  numpy as np,
} from '@jax-js/jax';
import type { HeadCase, LinearCase } from '../cases.ts';
import type { Contender } from '../contender.ts';
import type { HeadInputs, LinearInputs } from '../inputs.ts';

export async function startJax(): Promise<void> {
  if (!(await init('webgpu')).includes('webgpu')) throw new Error('jax-js gets no WebGPU device');
  defaultDevice('webgpu');
}

/** The outputs of one run, read back, to the values that are compared. */
type Gather = (arrays: readonly Float32Array[]) => ArrayLike<number>;

/** Arrays are lazy, and one disposed before it was needed is never computed: outputs live until the batch is done. */
export function running(
  compute: () => readonly JaxArray[],
  inputs: readonly JaxArray[],
  largestTokens?: number,
  gather: Gather = (arrays) => arrays[0]!,
): Contender {
  let outputs: (readonly JaxArray[])[] = [];
  return {
    run() {
      outputs.push(compute());
    },
    async sync() {
      await blockUntilReady(outputs.flat());
      await getWebGPUDevice().queue.onSubmittedWorkDone();
      for (const output of outputs.slice(0, -1).flat()) output.dispose();
      outputs = outputs.slice(-1);
    },
    result: async () => gather((await Promise.all(outputs[0]!.map((array) => array.ref.data()))) as Float32Array[]),
    dispose() {
      for (const array of [...outputs.flat(), ...inputs]) array.dispose();
    },
    largestTokens,
  };
}

/** Largest number of tokens whose logits fit one binding. */
export function largestLogits(vocab: number): number {
  return Math.floor(getWebGPUDevice().limits.maxStorageBufferBindingSize / (4 * vocab));
}

/**
 * Log-probabilities of `targets`, f32 [rows], from all logits. A mask instead of a gather, as jax-js cannot jit the
 * gradient of a gather; and not `nn.oneHot`, which builds a [vocab, vocab] identity first, 9.7 GB at 49,280 entries.
 */
export function pickedLogprobs(hidden: JaxArray, weights: JaxArray, targets: JaxArray): JaxArray {
  const [vocab] = weights.shape;
  const picked = np
    .arange(vocab!)
    .equal(targets.reshape([...targets.shape, 1]))
    .astype(np.float32);
  const logits = np.matmul(hidden, np.matrixTranspose(weights));
  return nn.logSoftmax(logits, -1).mul(picked).sum(-1);
}

export async function jaxHead({ tokens, width, vocab }: HeadCase, inputs: HeadInputs): Promise<Contender> {
  await startJax();
  const hidden = np.array(inputs.hidden, { shape: [tokens, width] });
  const weights = np.array(inputs.weights, { shape: [vocab, width] });
  const targets = np.array(Int32Array.from(inputs.targets), { shape: [tokens], dtype: np.int32 });
  const logps = jit(pickedLogprobs);
  const compute = () => [logps(hidden.ref, weights.ref, targets.ref) as JaxArray];
  return running(compute, [hidden, weights, targets], largestLogits(vocab));
}

export async function jaxLinear({ rows, width, out }: LinearCase, inputs: LinearInputs): Promise<Contender> {
  await startJax();
  const x = np.array(inputs.x, { shape: [rows, width] });
  const weights = np.array(inputs.weights, { shape: [out, width] });
  const linear = jit((a: JaxArray, w: JaxArray) => np.matmul(a, np.matrixTranspose(w)));
  return running(() => [linear(x.ref, weights.ref) as JaxArray], [x, weights]);
}
