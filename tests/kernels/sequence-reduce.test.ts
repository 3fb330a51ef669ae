import { expect } from '@esm-bundle/chai';
import { sequenceReduce, sequenceReduceBackward } from '../../src/kernels/sequence-reduce/kernel.ts';
import {
  sequenceReduceBackwardReference,
  sequenceReduceReference,
} from '../../src/kernels/sequence-reduce/reference.ts';
import { runKernel, testKernel } from '../support/kernel-harness.ts';
import { type Random, random } from '../support/random.ts';
import { EXACT } from '../support/tolerance.ts';

const SIZES: readonly (readonly [sequences: number, tokens: number])[] = [
  [1, 1],
  [3, 7],
  [2, 61],
  [5, 65],
  [1, 513],
];

/** Token log-probabilities of a policy and a nearby reference, and a mask with a prompt, an answer and padding. */
function draw(sequences: number, tokens: number, generator: Random) {
  const size = sequences * tokens;
  const policy = Float32Array.from({ length: size }, () => -8 * generator.next() ** 2);
  const reference = policy.map((logp) => logp + 0.1 * generator.normal());
  const mask = Uint32Array.from({ length: size }, () => (generator.next() < 0.7 ? 1 : 0));
  return { policy, reference, mask };
}

describe('sequence-reduce', () => {
  testKernel(sequenceReduce, SIZES, ([sequences, tokens], generator) => {
    const shape = [sequences, tokens];
    const { policy, reference, mask } = draw(sequences, tokens, generator);
    return {
      tensors: {
        policy: { shape, data: policy },
        reference: { shape, data: reference },
        mask: { shape, data: mask },
        sums: { shape: [sequences, 4] },
      },
      expected: { sums: sequenceReduceReference(policy, reference, mask, tokens) },
    };
  });

  it('keeps the log-ratio that separate sums lose, at 512 tokens', async () => {
    const [sequences, tokens] = [50, 512];
    const generator = random(3);
    const size = sequences * tokens;
    // Long, confident answers: large sums, small differences.
    const policy = Float32Array.from({ length: size }, () => -4 * generator.next());
    const reference = policy.map((logp) => logp + 1e-3 * generator.normal());
    const mask = new Uint32Array(size).fill(1);
    const shape = [sequences, tokens];
    const { sums } = await runKernel(sequenceReduce, {
      tensors: {
        policy: { shape, data: policy },
        reference: { shape, data: reference },
        mask: { shape, data: mask },
        sums: { shape: [sequences, 4] },
      },
    });
    const expected = sequenceReduceReference(policy, reference, mask, tokens);
    let ours = 0;
    let separate = 0;
    for (let s = 0; s < sequences; s++) {
      let [policySum, referenceSum] = [0, 0];
      for (let t = 0; t < tokens; t++) {
        policySum = Math.fround(policySum + policy[s * tokens + t]);
        referenceSum = Math.fround(referenceSum + reference[s * tokens + t]);
      }
      const truth = expected[4 * s + 2];
      ours = Math.max(ours, Math.abs(sums[4 * s + 2] - truth));
      separate = Math.max(separate, Math.abs(Math.fround(policySum - referenceSum) - truth));
    }
    expect(ours).to.be.below(5e-7);
    expect(separate).to.be.above(5e-4);
  });

  it('ignores what stands at masked positions', async () => {
    const shape = [1, 4];
    const { sums } = await runKernel(sequenceReduce, {
      tensors: {
        policy: { shape, data: [-1, 3e38, -2, 3e38] },
        reference: { shape, data: [-1.5, -3e38, -2.5, 3e38] },
        mask: { shape, data: [1, 0, 1, 0] },
        sums: { shape: [1, 4] },
      },
    });
    expect([...sums]).to.deep.equal([-3, -4, 1, 2]);
  });
});

describe('sequence-reduce-backward', () => {
  testKernel(
    sequenceReduceBackward,
    SIZES,
    ([sequences, tokens], generator) => {
      const { mask } = draw(sequences, tokens, generator);
      const gradient = generator.normals(sequences);
      return {
        tensors: {
          d_log_ratio: { shape: [sequences], data: gradient },
          mask: { shape: [sequences, tokens], data: mask },
          d_policy: { shape: [sequences, tokens] },
        },
        expected: { d_policy: sequenceReduceBackwardReference(gradient, mask, tokens) },
      };
    },
    EXACT,
  );

  it('is the gradient of the summed log-ratio', () => {
    const [sequences, tokens] = [3, 7];
    const { policy, reference, mask } = draw(sequences, tokens, random(4));
    const weights = [0.5, -2, 3];
    const loss = (logps: ArrayLike<number>) =>
      weights.reduce((sum, w, s) => sum + w * sequenceReduceReference(logps, reference, mask, tokens)[4 * s + 2], 0);
    const gradient = sequenceReduceBackwardReference(weights, mask, tokens);
    for (let at = 0; at < policy.length; at++) {
      const [up, down] = [Float64Array.from(policy), Float64Array.from(policy)];
      up[at] += 1e-3;
      down[at] -= 1e-3;
      expect(gradient[at]).to.be.closeTo((loss(up) - loss(down)) / 2e-3, 1e-9);
    }
  });
});
