import { expect } from '@esm-bundle/chai';
import {
  headLogprobCombine,
  headLogprobCombineWorkgroup,
  headLogprobTiles,
  headLogprobTilesTiled,
  headParts,
} from '../../src/kernels/head-logprob/kernel.ts';
import { headLogprobReference } from '../../src/kernels/head-logprob/reference.ts';
import { packWeights, unpackWeights, type WeightFormat } from '../../src/kernels/shared/weights.ts';
import { runKernel } from '../support/kernel-harness.ts';
import { random } from '../support/random.ts';
import { EXACT, expectClose } from '../support/tolerance.ts';

/** Both parts, one after the other, against the reference; the second in both its forms. */
async function check(
  format: WeightFormat,
  kernels: typeof headLogprobTiles | typeof headLogprobTilesTiled,
  { tokens, vocab, width, scale }: { tokens: number; vocab: number; width: number; scale: number },
): Promise<void> {
  const generator = random(4);
  const hidden = generator.normals(tokens * width, scale);
  const packed = packWeights(format, generator.normals(vocab * width, 1 / Math.sqrt(width)));
  const targets = generator.ints(tokens, vocab);
  targets[0] = vocab - 1;
  const parts = headParts(vocab);
  const tiles = await runKernel(kernels[format], {
    tensors: {
      x: { shape: [tokens, width], data: hidden },
      weights: { shape: [vocab, format === 'f32' ? width : width / 2], data: packed },
      targets: { shape: [tokens], data: targets },
      partials: { shape: [parts, tokens, 4] },
      partial_top: { shape: [parts, tokens] },
      target_logits: { shape: [tokens] },
    },
  });
  const expected = headLogprobReference(hidden, unpackWeights(format, packed), targets, width);
  // A logit of size L carries about L · 1e-6 of f32 rounding, and the log-probability inherits it.
  const tolerance = { atol: 1e-5 + 2e-6 * 5 * scale, rtol: 2e-5 };
  for (const combine of [headLogprobCombine, headLogprobCombineWorkgroup]) {
    const actual = await runKernel(combine, {
      tensors: {
        partials: { shape: [parts, tokens, 4], data: tiles.partials },
        partial_top: { shape: [parts, tokens], data: tiles.partial_top },
        target_logits: { shape: [tokens], data: tiles.target_logits },
        logps: { shape: [tokens] },
        entropy: { shape: [tokens] },
        top1: { shape: [tokens] },
        top_id: { shape: [tokens] },
        log_collision: { shape: [tokens] },
      },
    });
    expectClose(actual.logps, expected.logps, tolerance, `${combine.name} logps`);
    expectClose(actual.entropy, expected.entropy, { atol: tolerance.atol * 5, rtol: 1e-4 }, 'entropy');
    expectClose(actual.top1, expected.top1, { atol: tolerance.atol, rtol: 1e-4 }, 'top1');
    expectClose(actual.top_id, expected.topId, EXACT, 'top_id');
    expectClose(actual.log_collision, expected.logCollision, { atol: tolerance.atol, rtol: 1e-4 }, 'log_collision');
  }
}

describe('head-logprob', () => {
  for (const format of ['f32', 'f16', 'bf16'] as WeightFormat[]) {
    for (const size of [
      { tokens: 1, vocab: 1, width: 4, scale: 1 },
      { tokens: 7, vocab: 509, width: 48, scale: 1 },
      { tokens: 13, vocab: 1031, width: 12, scale: 1 },
      { tokens: 33, vocab: 129, width: 36, scale: 4 },
      { tokens: 2, vocab: 257, width: 64, scale: 60 }, // confident tokens, log-probabilities of -200
    ]) {
      for (const kernels of [headLogprobTiles, headLogprobTilesTiled]) {
        it(`${kernels[format].name} agrees with its reference at ${JSON.stringify(size)}`, () =>
          check(format, kernels, size));
      }
    }
  }

  it('copes with a vocabulary of 49,280', () =>
    check('f16', headLogprobTiles, { tokens: 1, vocab: 49_280, width: 64, scale: 2 }));

  it('names the lowest of equally likely entries, and half the vocabulary apart they share the mass', async () => {
    const [vocab, width] = [300, 4];
    const weights = new Float32Array(vocab * width);
    for (const entry of [7, 250]) weights[entry * width] = 100;
    const parts = headParts(vocab);
    const tiles = await runKernel(headLogprobTiles.f32, {
      tensors: {
        x: { shape: [1, width], data: [1, 0, 0, 0] },
        weights: { shape: [vocab, width], data: weights },
        targets: { shape: [1], data: [250] },
        partials: { shape: [parts, 1, 4] },
        partial_top: { shape: [parts, 1] },
        target_logits: { shape: [1] },
      },
    });
    for (const combine of [headLogprobCombine, headLogprobCombineWorkgroup]) {
      const { logps, entropy, top1, top_id, log_collision } = await runKernel(combine, {
        tensors: {
          partials: { shape: [parts, 1, 4], data: tiles.partials },
          partial_top: { shape: [parts, 1], data: tiles.partial_top },
          target_logits: { shape: [1], data: tiles.target_logits },
          logps: { shape: [1] },
          entropy: { shape: [1] },
          top1: { shape: [1] },
          top_id: { shape: [1] },
          log_collision: { shape: [1] },
        },
      });
      expect(top_id[0]).to.equal(7);
      expect(top1[0]).to.be.closeTo(0.5, 1e-6);
      expect(logps[0]).to.be.closeTo(-Math.LN2, 1e-6);
      expect(entropy[0]).to.be.closeTo(Math.LN2, 1e-6);
      expect(log_collision[0]).to.be.closeTo(-Math.LN2, 1e-6);
    }
  });
});
