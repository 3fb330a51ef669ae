import { onPolicyWeight } from '../../src/kernels/on-policy-weight/kernel.ts';
import { onPolicyWeightReference } from '../../src/kernels/on-policy-weight/reference.ts';
import { testKernel } from '../support/kernel-harness.ts';

describe('on-policy-weight', () => {
  testKernel(
    onPolicyWeight,
    [
      [1, 1],
      [3, 7],
      [2, 65],
      [4, 301],
    ],
    ([sequences, tokens], random) => {
      const size = sequences * tokens;
      const logps = random.normals(size).map((value) => -3 * Math.abs(value));
      const logCollision = random.normals(size).map((value) => -2 * Math.abs(value));
      // Answers of different length, the last of them empty where there are several.
      const mask = Uint32Array.from({ length: size }, (_, at) =>
        at % tokens < tokens * (1 - Math.floor(at / tokens) / Math.max(1, sequences - 1)) ? 1 : 0,
      );
      // Padding must not be read.
      mask.forEach((counts, at) => {
        if (!counts) logps[at] = 1e30;
      });
      const shape = [sequences, tokens];
      return {
        tensors: {
          logps: { shape, data: logps },
          log_collision: { shape, data: logCollision },
          mask: { shape, data: mask },
          weights: { shape: [sequences] },
        },
        expected: { weights: onPolicyWeightReference(logps, logCollision, mask, tokens) },
      };
    },
  );
});
