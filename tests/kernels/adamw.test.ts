import { expect } from '@esm-bundle/chai';
import { adamw, biasCorrections } from '../../src/kernels/adamw/kernel.ts';
import { adamwReference } from '../../src/kernels/adamw/reference.ts';
import { runKernel, testKernel } from '../support/kernel-harness.ts';
import { random } from '../support/random.ts';
import { expectClose } from '../support/tolerance.ts';

const SETTINGS = { gradient_scale: 0.37, learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/** An update is 1e-3 large, so f32 keeps seven digits of parameters near 1 and the moments in full. */
const TOLERANCE = { atol: 1e-7, rtol: 5e-6 };

const TORCH = [0.9177103542205653, -1.8345663013417326];

describe('adamw', () => {
  testKernel(
    adamw,
    [
      { size: 1, step: 1, decay: 0 },
      { size: 61, step: 1, decay: 0.1 },
      { size: 257, step: 1000, decay: 0.01 },
    ],
    ({ size, step, decay }, source) => {
      const data = (scale: number) => source.normals(size, scale);
      const [parameters, gradients, first, second] = [data(1), data(1e-2), data(1e-3), data(1e-5).map(Math.abs)];
      const params = { ...SETTINGS, weight_decay: decay, ...biasCorrections(0.9, 0.999, step) };
      const shape = [size];
      return {
        tensors: {
          parameters: { shape, data: parameters },
          gradients: { shape, data: gradients },
          first_moments: { shape, data: first },
          second_moments: { shape, data: second },
        },
        params,
        expected: adamwReference(parameters, gradients, first, second, params),
      };
    },
    TOLERANCE,
  );

  it('leaves zeros without a gradient zero, whatever the rate', async () => {
    const zeros = () => ({ shape: [5], data: new Float32Array(5) });
    const after = await runKernel(adamw, {
      tensors: { parameters: zeros(), gradients: zeros(), first_moments: zeros(), second_moments: zeros() },
      params: { ...SETTINGS, learning_rate: 10, weight_decay: 0.1, ...biasCorrections(0.9, 0.999, 1) },
    });
    expect([...after.parameters]).to.deep.equal([0, 0, 0, 0, 0]);
  });

  // torch.optim.AdamW(lr=0.1, weight_decay=0.1) on p = [1, -2], gradients [0.5, -0.25], then [-1, 0.125].
  it('gives the numbers of torch.optim.AdamW', async () => {
    let state = { parameters: [1, -2], first_moments: [0, 0], second_moments: [0, 0] };
    for (const [index, gradients] of [
      [0.5, -0.25],
      [-1, 0.125],
    ].entries()) {
      const shape = [2];
      const params = {
        ...SETTINGS,
        gradient_scale: 1,
        learning_rate: 0.1,
        weight_decay: 0.1,
        ...biasCorrections(0.9, 0.999, index + 1),
      };
      const after = await runKernel(adamw, {
        tensors: {
          parameters: { shape, data: state.parameters },
          gradients: { shape, data: gradients },
          first_moments: { shape, data: state.first_moments },
          second_moments: { shape, data: state.second_moments },
        },
        params,
      });
      state = {
        parameters: [...after.parameters],
        first_moments: [...after.first_moments],
        second_moments: [...after.second_moments],
      };
    }
    expectClose(state.parameters, TORCH, { atol: 2e-6, rtol: 2e-6 });
  });

  it('takes more elements than one dispatch has threads', async () => {
    const size = 16_384 * 64 + 3;
    const source = random(5);
    const gradients = Float32Array.from({ length: size }, () => source.next() - 0.5);
    const zeros = { shape: [size], data: new Float32Array(size) };
    const params = { ...SETTINGS, weight_decay: 0, ...biasCorrections(0.9, 0.999, 1) };
    const { first_moments } = await runKernel(adamw, {
      tensors: {
        parameters: zeros,
        gradients: { shape: [size], data: gradients },
        first_moments: zeros,
        second_moments: zeros,
      },
      params,
    });
    expectClose(
      first_moments,
      Float64Array.from(gradients, (g) => 0.1 * 0.37 * g),
      TOLERANCE,
    );
  });
});
