import { linearReference } from '../../src/kernels/linear/reference.ts';
import { loraGradient, loraUp, loraUpBackward } from '../../src/kernels/lora/kernel.ts';
import { loraGradientReference, loraUpBackwardReference, loraUpReference } from '../../src/kernels/lora/reference.ts';
import { dot, expectGradient } from '../support/central-differences.ts';
import { testKernel } from '../support/kernel-harness.ts';
import { random } from '../support/random.ts';

type Slices = [first: number, end: number][];

/** One matrix; gate and up; k and v of a packed q, k, v. */
const SIZES: { rows: number; rank: number; out: number; slices: Slices; scale: number }[] = [
  { rows: 1, rank: 4, out: 4, slices: [[0, 4]], scale: 1 },
  {
    rows: 7,
    rank: 16,
    out: 104,
    slices: [
      [0, 52],
      [52, 104],
    ],
    scale: 2,
  },
  {
    rows: 33,
    rank: 8,
    out: 132,
    slices: [
      [68, 100],
      [100, 132],
    ],
    scale: 0.5,
  },
];

describe('lora', () => {
  testKernel(loraUp, SIZES, ({ rows, ...shape }, generator) => {
    const { rank, out, slices, scale } = shape;
    const stacked = slices.length * rank;
    const u = generator.normals(rows * stacked);
    const b = generator.normals(out * rank);
    const y = generator.normals(rows * out);
    return {
      tensors: {
        u: { shape: [rows, stacked], data: u },
        b: { shape: [out, rank], data: b },
        slices: { shape: [slices.length, 2], data: slices.flat() },
        y: { shape: [rows, out], data: y },
      },
      params: { scale },
      expected: { y: loraUpReference(u, b, y, shape) },
    };
  });

  testKernel(loraUpBackward, SIZES, ({ rows, ...shape }, generator) => {
    const { rank, out, slices, scale } = shape;
    const stacked = slices.length * rank;
    const dy = generator.normals(rows * out);
    const b = generator.normals(out * rank);
    return {
      tensors: {
        dy: { shape: [rows, out], data: dy },
        b: { shape: [out, rank], data: b },
        slices: { shape: [slices.length, 2], data: slices.flat() },
        du: { shape: [rows, stacked] },
      },
      params: { scale },
      expected: { du: loraUpBackwardReference(dy, b, shape) },
    };
  });

  testKernel(
    loraGradient,
    [...SIZES, { rows: 65, rank: 36, out: 48, slices: [[0, 48]] as Slices, scale: 1 }],
    ({ rows, ...shape }, generator) => {
      const { rank, out, slices, scale } = shape;
      const dy = generator.normals(rows * out);
      const x = generator.normals(rows * slices.length * rank);
      const start = generator.normals(out * rank);
      return {
        tensors: {
          dy: { shape: [rows, out], data: dy },
          x: { shape: [rows, slices.length * rank], data: x },
          slices: { shape: [slices.length, 2], data: slices.flat() },
          dw: { shape: [out, rank], data: start },
        },
        params: { scale },
        expected: { dw: loraGradientReference(dy, x, start, shape) },
      };
    },
  );

  it('has the slopes of y = scale · (x Aᵀ) Bᵀ', () => {
    const generator = random(3);
    const [rows, width, rank, out] = [3, 4, 4, 12];
    const shape = {
      rank,
      out,
      slices: [
        [0, 4],
        [8, 12],
      ] as Slices,
      scale: 1.5,
    };
    const x = generator.normals(rows * width);
    const a = generator.normals(2 * rank * width);
    const b = generator.normals(out * rank);
    const dy = generator.normals(rows * out);
    const none = new Float64Array(rows * out);
    const y = (at: ArrayLike<number>, bt: ArrayLike<number>) =>
      loraUpReference(linearReference(x, at, width), bt, none, shape);
    const u = linearReference(x, a, width);
    const du = loraUpBackwardReference(dy, b, shape);
    const dB = loraGradientReference(dy, u, new Float64Array(b.length), shape);
    const all = { rank: width, out: 2 * rank, slices: [[0, 2 * rank]] as Slices, scale: 1 };
    const dA = loraGradientReference(du, x, new Float64Array(a.length), all);
    expectGradient(dB, (bt) => dot(dy, y(a, bt)), b, 'dB');
    expectGradient(dA, (at) => dot(dy, y(at, b)), a, 'dA');
  });
});
