import { expect } from '@esm-bundle/chai';
import { defineKernel, type KernelSpec } from '../../src/kernels/gpu/index.ts';
import { runKernel, testKernel } from '../support/kernel-harness.ts';
import { scale } from '../support/scale.ts';
import { EXACT, expectClose } from '../support/tolerance.ts';

/** `scale` with one expression of its shader replaced: a mutant the harness must catch. */
function mutant(from: string, to: string): typeof scale {
  const [file] = scale.files;
  const code = file!.code.replace(from, to);
  if (code === file!.code) throw new Error(`"${from}" is not in the shader`);
  return { ...scale, name: 'mutant', files: [{ path: file!.path, code }] };
}

async function outcome(kernel: KernelSpec, n = 65): Promise<string> {
  const tensors = { x: { shape: [n], data: new Float32Array(n).fill(2) }, y: { shape: [n] } };
  try {
    await runKernel(kernel, { tensors, params: { factor: 1 } });
    return 'passed';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('kernel harness', () => {
  testKernel(
    scale,
    [1, 61, 65, 129],
    (n, { normals }) => {
      const x = normals(n);
      return {
        tensors: { x: { shape: [n], data: x }, y: { shape: [n] } },
        params: { factor: 3 },
        expected: { y: x.map((value) => Math.fround(3 * value)) },
      };
    },
    EXACT,
  );

  it('sees a write past the end', async () => {
    expect(await outcome(mutant('i < params.n', 'i < params.n + 1u'))).to.contain('past the end of "y"');
  });

  it('sees an element nobody writes', async () => {
    expect(await outcome(mutant('i < params.n', 'i + 1u < params.n'))).to.contain('"y"[64] is never written');
  });

  it('sees a read past the end', async () => {
    expect(await outcome(mutant('x[i]', 'x[i + 1u]'))).to.contain('"y"[64] is');
  });

  it('sees infinity by its bits', async () => {
    expect(await outcome(mutant('params.factor * x[i]', 'bitcast<f32>(0x7f800000u + u32(x[i] * 0.0))'))).to.contain(
      'NaN or infinite',
    );
  });

  it('wants data for what a kernel reads', async () => {
    const kernel = defineKernel({ ...scale, name: 'no data' });
    let message = '';
    await runKernel(kernel, { tensors: { x: { shape: [3] }, y: { shape: [3] } } }).catch((error: Error) => {
      message = error.message;
    });
    expect(message).to.contain('"x" is read and needs data');
  });

  it('prints the first wrong values and counts the rest', () => {
    const expected = new Float32Array(20);
    const actual = expected.map((_, i) => (i > 2 ? 1 : 0));
    expect(() => expectClose(actual, expected, EXACT, 'y')).to.throw(
      /y: 17 of 20 values are off[\s\S]*\[3\] 1, expected 0/,
    );
    expect(() => expectClose([Number.NaN], [0])).to.throw('NaN');
  });
});
