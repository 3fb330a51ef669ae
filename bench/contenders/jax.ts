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

async function start(): Promise<void> {
  if (!(await init('webgpu')).includes('webgpu')) throw new Error('jax-js gets no WebGPU device');
  defaultDevice('webgpu');
}

/** Arrays are lazy, and one disposed before it was needed is never computed: outputs live until the batch is done. */
function running(compute: () => JaxArray, inputs: readonly JaxArray[], largestTokens?: number): Contender {
  let outputs: JaxArray[] = [];
  return {
    run() {
      outputs.push(compute());
    },
    async sync() {
      await blockUntilReady(outputs);
      await getWebGPUDevice().queue.onSubmittedWorkDone();
      for (const output of outputs.slice(0, -1)) output.dispose();
      outputs = outputs.slice(-1);
    },
    result: async () => (await outputs[0]!.ref.data()) as Float32Array,
    dispose() {
      for (const array of [...outputs, ...inputs]) array.dispose();
    },
    largestTokens,
  };
}

export async function jaxHead({ tokens, width, vocab }: HeadCase, inputs: HeadInputs): Promise<Contender> {
  await start();
  const hidden = np.array(inputs.hidden, { shape: [tokens, width] });
  const weights = np.array(inputs.weights, { shape: [vocab, width] });
  const targets = np.array(Int32Array.from(inputs.targets), { shape: [tokens], dtype: np.int32 });
  const logps = jit((h: JaxArray, w: JaxArray, t: JaxArray) => {
    const logits = np.matmul(h, np.matrixTranspose(w));
    // Not `nn.oneHot`: it builds a [vocab, vocab] identity first, 9.7 GB at 49,280 entries.
    const picked = np
      .arange(vocab)
      .equal(t.reshape([tokens, 1]))
      .astype(np.float32);
    return nn.logSoftmax(logits, -1).mul(picked).sum(-1);
  });
  const limit = getWebGPUDevice().limits.maxStorageBufferBindingSize;
  const compute = () => logps(hidden.ref, weights.ref, targets.ref) as JaxArray;
  return running(compute, [hidden, weights, targets], Math.floor(limit / (4 * vocab)));
}

export async function jaxLinear({ rows, width, out }: LinearCase, inputs: LinearInputs): Promise<Contender> {
  await start();
  const x = np.array(inputs.x, { shape: [rows, width] });
  const weights = np.array(inputs.weights, { shape: [out, width] });
  const linear = jit((a: JaxArray, w: JaxArray) => np.matmul(a, np.matrixTranspose(w)));
  return running(() => linear(x.ref, weights.ref) as JaxArray, [x, weights]);
}
