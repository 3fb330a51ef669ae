import { expect } from '@esm-bundle/chai';
import { distribution, Sampler } from '../../src/models/policy/sampling.ts';

/** Probabilities 0.5, 0.25, 0.15, 0.1 in another order, as logits with an offset. */
const PROBABILITIES = [0.15, 0.5, 0.1, 0.25];
const LOGITS = PROBABILITIES.map((p) => Math.log(p) + 300);

/** Share of each id in many draws. */
function shares(temperature: number, topP: number): number[] {
  const sampler = new Sampler({ temperature, topP }, 5, 0);
  const row = distribution(LOGITS);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 20_000; i++) counts[sampler.draw(row)]++;
  return counts.map((count) => count / 20_000);
}

describe('sampling', () => {
  it('knows log-probabilities, entropy and the most likely token', () => {
    const { logps, entropy, top1, topId } = distribution(LOGITS);
    PROBABILITIES.forEach((p, i) => {
      expect(logps[i]).to.be.closeTo(Math.log(p), 1e-12);
    });
    expect(entropy).to.be.closeTo(-PROBABILITIES.reduce((sum, p) => sum + p * Math.log(p), 0), 1e-12);
    expect(top1).to.be.closeTo(0.5, 1e-12);
    expect(topId).to.equal(1);
  });

  it('draws as often as the probabilities say', () => {
    shares(1, 1).forEach((share, i) => {
      expect(share).to.be.closeTo(PROBABILITIES[i], 0.015);
    });
  });

  it('sharpens and flattens with the temperature', () => {
    const squared = PROBABILITIES.map((p) => p * p);
    const total = squared.reduce((a, b) => a + b);
    shares(0.5, 1).forEach((share, i) => {
      expect(share).to.be.closeTo(squared[i] / total, 0.015);
    });
  });

  it('takes the most likely token at temperature 0', () => {
    expect(shares(0, 1)).to.deep.equal([0, 1, 0, 0]);
  });

  it('keeps the smallest nucleus that reaches top-p', () => {
    const near = (actual: number[], expected: number[]) =>
      actual.forEach((share, i) => {
        expect(share).to.be.closeTo(expected[i], 0.015);
      });
    near(shares(1, 0.7), [0, 2 / 3, 0, 1 / 3]);
    near(shares(1, 0.85), [0.15 / 0.9, 0.5 / 0.9, 0, 0.25 / 0.9]);
    near(shares(1, 1e-9), [0, 1, 0, 0]);
  });

  it('gives each answer its own reproducible stream', () => {
    const draw = (seed: number, index: number) => {
      const sampler = new Sampler({ temperature: 1, topP: 1 }, seed, index);
      return Array.from({ length: 40 }, () => sampler.draw(distribution(LOGITS))).join('');
    };
    expect(draw(1, 0)).to.equal(draw(1, 0));
    expect(draw(1, 0)).to.not.equal(draw(1, 1));
    expect(draw(1, 0)).to.not.equal(draw(2, 0));
  });
});
