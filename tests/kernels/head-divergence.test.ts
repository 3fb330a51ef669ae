import { expect } from '@esm-bundle/chai';
import {
  headDivergenceBackward,
  headDivergenceCombine,
  headDivergenceTiles,
} from '../../src/kernels/head-divergence/kernel.ts';
import {
  headDivergenceBackwardReference,
  headDivergenceReference,
} from '../../src/kernels/head-divergence/reference.ts';
import { headParts } from '../../src/kernels/head-logprob/kernel.ts';
import { packWeights, unpackWeights, type WeightFormat } from '../../src/kernels/shared/weights.ts';
import { dot, expectGradient } from '../support/central-differences.ts';
import { runKernel, testKernel } from '../support/kernel-harness.ts';
import { type Random, random } from '../support/random.ts';
import { expectClose } from '../support/tolerance.ts';

const FORMATS: readonly WeightFormat[] = ['f32', 'f16', 'bf16'];

/** `apart`: how far the two models' hidden states are from each other, for hidden states of size `scale`. */
interface Size {
  readonly tokens: number;
  readonly vocab: number;
  readonly width: number;
  readonly scale: number;
  readonly apart: number;
}

const SIZES: readonly Size[] = [
  { tokens: 1, vocab: 1, width: 4, scale: 1, apart: 1 },
  { tokens: 7, vocab: 509, width: 48, scale: 1, apart: 1 },
  { tokens: 33, vocab: 129, width: 36, scale: 4, apart: 0.1 },
  { tokens: 11, vocab: 300, width: 8, scale: 2, apart: 1 }, // so few that a workgroup takes two blocks of entries
  { tokens: 2, vocab: 257, width: 64, scale: 60, apart: 60 }, // confident models that disagree: hundreds of nats
];

function hiddenStates({ tokens, width, scale, apart }: Omit<Size, 'vocab'>, generator: Random): Float32Array {
  const policy = generator.normals(tokens * width, scale);
  const drift = generator.normals(tokens * width, apart);
  return Float32Array.from([...policy, ...policy.map((value, i) => value + drift[i])]);
}

/** Both parts, one after the other. */
async function divergence(
  format: WeightFormat,
  [tokens, vocab, width]: readonly [number, number, number],
  hidden: ArrayLike<number>,
  packed: ArrayLike<number>,
) {
  const parts = headParts(vocab);
  const { partials } = await runKernel(headDivergenceTiles[format], {
    tensors: {
      x: { shape: [2, tokens, width], data: hidden },
      weights: { shape: [vocab, format === 'f32' ? width : width / 2], data: packed },
      partials: { shape: [parts, tokens, 2, 4] },
    },
  });
  return runKernel(headDivergenceCombine, {
    tensors: {
      partials: { shape: [parts, tokens, 2, 4], data: partials },
      kl_to_reference: { shape: [tokens] },
      kl_from_reference: { shape: [tokens] },
      lse: { shape: [2, tokens] },
    },
  });
}

async function check(format: WeightFormat, size: Size): Promise<void> {
  const { tokens, vocab, width, scale } = size;
  const generator = random(4);
  const hidden = hiddenStates(size, generator);
  const packed = packWeights(format, generator.normals(vocab * width, 1 / Math.sqrt(width)));
  const actual = await divergence(format, [tokens, vocab, width], hidden, packed);
  const expected = headDivergenceReference(hidden, unpackWeights(format, packed), width);
  // A logit of size L carries about L · 1e-6 of f32 rounding, and the divergence inherits it.
  const tolerance = { atol: 1e-6 + 2e-6 * 5 * scale, rtol: 5e-5 };
  expectClose(actual.kl_to_reference, expected.klToReference, tolerance, 'kl_to_reference');
  expectClose(actual.kl_from_reference, expected.klFromReference, tolerance, 'kl_from_reference');
  expectClose(actual.lse, expected.lse, tolerance, 'lse');
}

describe('head-divergence', () => {
  for (const format of FORMATS) {
    it(`${headDivergenceTiles[format].name} agrees with its reference`, async () => {
      for (const size of SIZES) await check(format, size);
    });
  }

  it('copes with a vocabulary of 49,280', () =>
    check('f16', { tokens: 1, vocab: 49_280, width: 64, scale: 2, apart: 0.5 }));

  it('is 0 for equal models, and keeps the digits of a small divergence', async () => {
    const [tokens, vocab, width] = [3, 300, 32];
    const generator = random(7);
    const packed = generator.normals(vocab * width, 1 / Math.sqrt(width));
    const same = hiddenStates({ tokens, width, scale: 3, apart: 0 }, generator);
    const { kl_to_reference, kl_from_reference } = await divergence('f32', [tokens, vocab, width], same, packed);
    expect([...kl_to_reference, ...kl_from_reference]).to.deep.equal([0, 0, 0, 0, 0, 0]);

    const near = hiddenStates({ tokens, width, scale: 3, apart: 0.01 }, generator);
    const actual = await divergence('f32', [tokens, vocab, width], near, packed);
    const expected = headDivergenceReference(near, packed, width);
    expect(Math.max(...expected.klToReference)).to.be.lessThan(1e-3);
    const relative = { atol: 0, rtol: 5e-3 };
    expectClose(actual.kl_to_reference, expected.klToReference, relative, 'kl_to_reference');
    expectClose(actual.kl_from_reference, expected.klFromReference, relative, 'kl_from_reference');
  });
});

describe('head-divergence-backward', () => {
  for (const format of FORMATS) {
    testKernel(
      headDivergenceBackward[format],
      [
        { ...SIZES[0], slab: 4, first: 0 },
        { ...SIZES[1], slab: 128, first: 384 }, // the last slab, three columns past its end
        { ...SIZES[2], slab: 64, first: 64 },
        { ...SIZES[3], slab: 132, first: 64 },
        { ...SIZES[4], slab: 260, first: 0 },
      ],
      ({ slab, first, ...size }, generator) => {
        const { tokens, vocab, width } = size;
        const x = hiddenStates(size, generator);
        const packed = packWeights(format, generator.normals(vocab * width, 1 / Math.sqrt(width)));
        const weights = unpackWeights(format, packed);
        const targets = generator.ints(tokens, vocab);
        targets[0] = vocab - 1;
        const [dLogps, dKl] = [generator.normals(tokens), generator.normals(tokens)];
        const all = headDivergenceBackwardReference(x, weights, targets, dLogps, dKl, width);
        const expected = Array.from({ length: tokens * slab }, (_, i) => {
          const entry = first + (i % slab);
          return entry < vocab ? all[Math.floor(i / slab) * vocab + entry] : 0;
        });
        return {
          tensors: {
            x: { shape: [2, tokens, width], data: x },
            weights: { shape: [vocab, format === 'f32' ? width : width / 2], data: packed },
            targets: { shape: [tokens], data: targets },
            lse: { shape: [2, tokens], data: headDivergenceReference(x, weights, width).lse },
            d_logps: { shape: [tokens], data: dLogps },
            d_kl: { shape: [tokens], data: dKl },
            d_logits: { shape: [tokens, slab] },
          },
          params: { first },
          expected: { d_logits: expected },
        };
      },
      // Logits of up to a few hundred (scale 60) carry 5e-5, which the exponential passes on.
      { atol: 2e-4, rtol: 2e-4 },
    );
  }

  it('is the slope of the reference', () => {
    const generator = random(3);
    const [tokens, vocab, width] = [3, 7, 4];
    const [weights, targets] = [generator.normals(vocab * width), Uint32Array.of(0, 6, 3)];
    const [dLogps, dKl] = [generator.normals(tokens), generator.normals(tokens)];
    const x = Float64Array.from(hiddenStates({ tokens, width, scale: 1, apart: 1 }, generator));
    const frozen = x.subarray(tokens * width);
    const dLogits = headDivergenceBackwardReference(x, weights, targets, dLogps, dKl, width);
    // d(logits) times W is the gradient of the hidden states.
    const dx = Array.from({ length: tokens * width }, (_, at) => {
      let sum = 0;
      for (let v = 0; v < vocab; v++)
        sum += dLogits[Math.floor(at / width) * vocab + v] * weights[v * width + (at % width)];
      return sum;
    });
    const f = (policy: Float64Array) => {
      const hidden = Float64Array.from([...policy, ...frozen]);
      const { klFromReference, lse } = headDivergenceReference(hidden, weights, width);
      const logps = Array.from(targets, (target, t) => {
        const row = weights.subarray(target * width, (target + 1) * width);
        return dot(row, policy.subarray(t * width, (t + 1) * width)) - lse[t];
      });
      return dot(dLogps, logps) + dot(dKl, klFromReference);
    };
    expectGradient(dx, f, x.subarray(0, tokens * width), 'dx');
  });
});
