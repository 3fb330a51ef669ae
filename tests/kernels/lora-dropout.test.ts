import { expect } from '@esm-bundle/chai';
import { linearReference } from '../../src/kernels/linear/reference.ts';
import { dropoutKey, dropoutParams, loraDropout, loraDropoutBackward } from '../../src/kernels/lora-dropout/kernel.ts';
import { pcg } from '../../src/kernels/lora-dropout/pcg.ts';
import {
  dropoutMask,
  loraDropoutBackwardReference,
  loraDropoutReference,
} from '../../src/kernels/lora-dropout/reference.ts';
import { dot, expectGradient } from '../support/central-differences.ts';
import { runKernel, testKernel } from '../support/kernel-harness.ts';
import { random } from '../support/random.ts';
import { EXACT, expectClose } from '../support/tolerance.ts';

/** Rows, slices, width: the least; primes; one quad past a workgroup. */
const SIZES = [
  [1, 1, 4],
  [7, 3, 52],
  [5, 2, 260],
] as const;
const P = 0.3;
const drawn = dropoutParams({ p: P, key: dropoutKey(42, 3, 1) }, 2, 1);

describe('lora-dropout', () => {
  testKernel(loraDropout, SIZES, ([rows, slices, width], generator) => {
    const x = generator.normals(rows * width);
    return {
      tensors: { x: { shape: [rows, width], data: x }, y: { shape: [rows, slices, width] } },
      params: drawn,
      expected: { y: loraDropoutReference(x, { rows, slices, width, ...drawn }) },
    };
  });

  testKernel(loraDropoutBackward, SIZES, ([rows, slices, width], generator) => {
    const [dy, dx] = [generator.normals(rows * slices * width), generator.normals(rows * width)];
    return {
      tensors: { dy: { shape: [rows, slices, width], data: dy }, dx: { shape: [rows, width], data: dx } },
      params: drawn,
      expected: { dx: loraDropoutBackwardReference(dy, dx, { rows, slices, width, ...drawn }) },
    };
  });

  it('has the slopes of y = kept · x / (1 - p)', () => {
    const shape = { rows: 3, slices: 2, width: 8, ...drawn };
    const generator = random(4);
    const [x, dy] = [generator.normals(24), generator.normals(48)];
    const dx = loraDropoutBackwardReference(dy, new Float64Array(24), shape);
    expectGradient(dx, (at) => dot(dy, loraDropoutReference(at, shape)), x, 'dx');
  });

  it('hashes as PCG does', () => {
    // From the definition in 64-bit integers, computed in Python.
    expect([0, 1, 12345, 0xffffffff].map(pcg)).to.deep.equal([129708002, 2831084092, 4099845390, 3861530882]);
  });

  it('drops a share p, everywhere alike, and independently from slice to slice and from key to key', () => {
    const size = { rows: 64, slices: 2, width: 256 };
    const mask = dropoutMask({ ...size, ...drawn });
    const share = (kept: (at: number) => boolean) => {
      const places = Array.from(mask.keys()).filter(kept);
      return places.reduce((sum, at) => sum + 1 - mask[at], 0) / places.length;
    };
    // Four standard deviations of a mean over n places.
    const near = (n: number) => 4 * Math.sqrt((P * (1 - P)) / n);
    expect(share(() => true)).to.be.closeTo(P, near(mask.length));
    for (let slice = 0; slice < 2; slice++) {
      expect(share((at) => Math.floor(at / 256) % 2 === slice)).to.be.closeTo(P, near(mask.length / 2));
    }
    for (const column of [0, 1, 255]) expect(share((at) => at % 256 === column)).to.be.closeTo(P, near(128));
    for (const row of [0, 1, 63]) expect(share((at) => Math.floor(at / 512) === row)).to.be.closeTo(P, near(512));

    // Places that agree by chance: both kept or both dropped.
    const chance = P * P + (1 - P) * (1 - P);
    const agree = (a: Uint8Array, b: Uint8Array) => a.filter((kept, at) => kept === b[at]).length / a.length;
    const slice = (s: number) => mask.filter((_, at) => Math.floor(at / 256) % 2 === s);
    expect(agree(slice(0), slice(1))).to.be.closeTo(chance, near(mask.length / 2));
    expect(agree(mask.slice(0, -1), mask.slice(1))).to.be.closeTo(chance, near(mask.length));
    expect(agree(mask.slice(0, -512), mask.slice(512))).to.be.closeTo(chance, near(mask.length));
    for (const [seed, step, microBatch] of [
      [43, 3, 1],
      [42, 4, 1],
      [42, 3, 2],
    ]) {
      const other = dropoutParams({ p: P, key: dropoutKey(seed, step, microBatch) }, 2, 1);
      expect(agree(mask, dropoutMask({ ...size, ...other }))).to.be.closeTo(chance, near(mask.length));
    }
  });

  it('changes nothing in the mean: A dropout(x) over 4,096 masks is A x', async () => {
    const [rows, width, rank, slices] = [3, 8, 4, 64];
    const generator = random(6);
    const [x, a] = [generator.normals(rows * width), generator.normals(rank * width)];
    const product = (copies: ArrayLike<number>) => linearReference(copies, a, width);
    const sum = new Float64Array(rows * rank);
    const squares = new Float64Array(rows * rank);
    for (let key = 0; key < 64; key++) {
      const tensors = { x: { shape: [rows, width], data: x }, y: { shape: [rows, slices, width] } };
      const { y } = await runKernel(loraDropout, { tensors, params: dropoutParams({ p: P, key }, 0, 0) });
      product(y as Float32Array).forEach((value, at) => {
        const place = Math.floor(at / (slices * rank)) * rank + (at % rank);
        sum[place] += value;
        squares[place] += value * value;
      });
    }
    const n = 64 * slices;
    product(x).forEach((wanted, place) => {
      const mean = sum[place] / n;
      const deviation = Math.sqrt((squares[place] / n - mean * mean) / n);
      expect(mean, `place ${place}`).to.be.closeTo(wanted, 4 * deviation);
    });
  });

  it('keeps everything at p = 0, and stays finite next to 1', async () => {
    const x = random(2).normals(4 * 64);
    const run = (p: number) =>
      runKernel(loraDropout, {
        tensors: { x: { shape: [4, 64], data: x }, y: { shape: [4, 1, 64] } },
        params: dropoutParams({ p, key: 9 }, 0, 0),
      });
    expectClose((await run(0)).y, x, EXACT);
    expect([...(await run(1 - 1e-12)).y].every((value) => value === 0)).to.equal(true);
  });
});
