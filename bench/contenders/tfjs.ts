/** TensorFlow.js on its WebGPU backend. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-webgpu';
import type { HeadCase, LinearCase } from '../cases.ts';
import type { Contender } from '../contender.ts';
import type { HeadInputs, LinearInputs } from '../inputs.ts';

/** The parts of the backend that end a batch. */
interface Backend {
  readonly device: GPUDevice;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
}

async function start(): Promise<Backend> {
  if (!(await tf.setBackend('webgpu'))) throw new Error('tfjs cannot start its WebGPU backend');
  await tf.ready();
  return tf.backend() as unknown as Backend;
}

function running(
  backend: Backend,
  compute: () => tf.Tensor,
  inputs: readonly tf.Tensor[],
  largestTokens?: number,
): Contender {
  let output: tf.Tensor | undefined;
  return {
    run() {
      output?.dispose();
      output = tf.tidy(compute);
    },
    async sync() {
      backend.ensureCommandEncoderReady();
      backend.endComputePassEncoder();
      backend.submitQueue();
      await backend.device.queue.onSubmittedWorkDone();
    },
    result: async () => (await output!.data()) as Float32Array,
    dispose() {
      output?.dispose();
      for (const input of inputs) input.dispose();
    },
    largestTokens,
  };
}

export async function tfjsHead({ tokens, width, vocab }: HeadCase, inputs: HeadInputs): Promise<Contender> {
  const backend = await start();
  const hidden = tf.tensor2d(inputs.hidden, [tokens, width]);
  const weights = tf.tensor2d(inputs.weights, [vocab, width]);
  const targets = tf.tensor1d(Int32Array.from(inputs.targets), 'int32');
  const compute = () => {
    const logits = tf.matMul(hidden, weights, false, true);
    return tf.sum(tf.mul(tf.logSoftmax(logits), tf.oneHot(targets, vocab)), -1);
  };
  const limit = backend.device.limits.maxStorageBufferBindingSize;
  return running(backend, compute, [hidden, weights, targets], Math.floor(limit / (4 * vocab)));
}

export async function tfjsLinear({ rows, width, out }: LinearCase, inputs: LinearInputs): Promise<Contender> {
  const backend = await start();
  const x = tf.tensor2d(inputs.x, [rows, width]);
  const weights = tf.tensor2d(inputs.weights, [out, width]);
  return running(backend, () => tf.matMul(x, weights, false, true), [x, weights]);
}
