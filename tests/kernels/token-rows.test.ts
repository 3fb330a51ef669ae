import { tokenRows, tokenRowsBackward } from '../../src/kernels/token-rows/kernel.ts';
import { tokenRowsBackwardReference, tokenRowsReference } from '../../src/kernels/token-rows/reference.ts';
import { testKernel } from '../support/kernel-harness.ts';
import { EXACT } from '../support/tolerance.ts';

describe('token-rows', () => {
  testKernel(
    tokenRows,
    [1, 7, 65],
    (tokens, source) => {
      const logps = source.normals(tokens);
      const facts = source.normals(7 * tokens);
      return {
        tensors: {
          logps: { shape: [tokens], data: logps },
          facts: { shape: [tokens, 7], data: facts },
          rows: { shape: [tokens, 8] },
        },
        expected: { rows: tokenRowsReference(logps, facts) },
      };
    },
    EXACT,
  );
});

describe('token-rows-backward', () => {
  testKernel(
    tokenRowsBackward,
    [1, 7, 65],
    (tokens, source) => {
      const results = source.normals(4 * tokens);
      const { dLogps, dValues } = tokenRowsBackwardReference(results);
      return {
        tensors: {
          results: { shape: [tokens, 4], data: results },
          d_logps: { shape: [tokens] },
          d_values: { shape: [tokens] },
        },
        expected: { d_logps: dLogps, d_values: dValues },
      };
    },
    EXACT,
  );
});
