import { headLogprobBackward, headLogprobBackwardTiled } from '../../src/kernels/head-logprob/kernel.ts';
import { headLogprobBackwardReference, headLogprobReference } from '../../src/kernels/head-logprob/reference.ts';
import { linearReference } from '../../src/kernels/linear/reference.ts';
import { packWeights, unpackWeights, type WeightFormat } from '../../src/kernels/shared/weights.ts';
import { dot, expectGradient } from '../support/central-differences.ts';
import { testKernel } from '../support/kernel-harness.ts';
import { random } from '../support/random.ts';

const SIZES = [
  { tokens: 1, vocab: 1, width: 4, slab: 4, first: 0, scale: 1 },
  { tokens: 7, vocab: 509, width: 48, slab: 128, first: 384, scale: 1 }, // the last slab, three columns past its end
  { tokens: 33, vocab: 129, width: 36, slab: 64, first: 64, scale: 4 },
  { tokens: 2, vocab: 257, width: 64, slab: 260, first: 0, scale: 60 }, // confident tokens, log-probabilities of -200
];

describe('head-logprob-backward', () => {
  for (const kernels of [headLogprobBackward, headLogprobBackwardTiled]) {
    for (const format of ['f32', 'f16', 'bf16'] as WeightFormat[]) {
      testKernel(
        kernels[format],
        SIZES,
        ({ tokens, vocab, width, slab, first, scale }, generator) => {
          const x = generator.normals(tokens * width, scale);
          const packed = packWeights(format, generator.normals(vocab * width, 1 / Math.sqrt(width)));
          const weights = unpackWeights(format, packed);
          const targets = generator.ints(tokens, vocab);
          targets[0] = vocab - 1;
          const dLogps = generator.normals(tokens);
          const logits = linearReference(x, weights, width);
          const { logps } = headLogprobReference(x, weights, targets, width);
          const all = headLogprobBackwardReference(x, weights, targets, dLogps, width);
          const expected = Array.from({ length: tokens * slab }, (_, i) => {
            const entry = first + (i % slab);
            return entry < vocab ? all[Math.floor(i / slab) * vocab + entry] : 0;
          });
          return {
            tensors: {
              x: { shape: [tokens, width], data: x },
              weights: { shape: [vocab, format === 'f32' ? width : width / 2], data: packed },
              targets: { shape: [tokens], data: targets },
              target_logits: { shape: [tokens], data: Array.from(targets, (id, t) => logits[t * vocab + id]) },
              logps: { shape: [tokens], data: logps },
              d_logps: { shape: [tokens], data: dLogps },
              d_logits: { shape: [tokens, slab] },
            },
            params: { first },
            expected: { d_logits: expected },
          };
        },
        // Logits of up to a few hundred (scale 60) carry 5e-5, which the exponential passes on.
        { atol: 1e-4, rtol: 1e-4 },
      );
    }
  }

  it('is the slope of the reference', () => {
    const generator = random(3);
    const [weights, targets, dLogps] = [generator.normals(7 * 4), Uint32Array.of(0, 6, 3), generator.normals(3)];
    const x = generator.normals(3 * 4);
    const dLogits = headLogprobBackwardReference(x, weights, targets, dLogps, 4);
    // d(logits) times W is the gradient of the hidden states.
    const dx = Array.from({ length: 3 * 4 }, (_, at) => {
      let sum = 0;
      for (let v = 0; v < 7; v++) sum += dLogits[Math.floor(at / 4) * 7 + v] * weights[v * 4 + (at % 4)];
      return sum;
    });
    const f = (at: Float64Array) => dot(dLogps, headLogprobReference(at, weights, targets, 4).logps);
    expectGradient(dx, f, x, 'dx');
  });
});
