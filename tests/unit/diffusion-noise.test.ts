import { expect } from '@esm-bundle/chai';
import { diffuse, noiseShares } from '../../src/models/diffusion-noise.ts';

describe('diffusion noise', () => {
  // √ᾱ and √(1 - ᾱ) of the schedule in POVID's and SeVa's code.
  for (const [step, picture, noise] of [
    [300, 0.981, 0.194],
    [500, 0.863, 0.505],
    [600, 0.734, 0.679],
    [700, 0.593, 0.805],
    [800, 0.467, 0.884],
    [999, 0.285, 0.959],
  ]) {
    it(`leaves ${picture} of the picture after ${step} steps`, () => {
      const shares = noiseShares(step);
      expect(shares.picture).to.be.closeTo(picture, 6e-4);
      expect(shares.noise).to.be.closeTo(noise, 6e-4);
    });
  }

  it('mixes a standard normal in, the same for one seed and another for another', () => {
    const grey = new Float32Array(20_000).fill(0.5);
    const noisy = diffuse(grey, 500, 7);
    const mean = noisy.reduce((sum, value) => sum + value, 0) / noisy.length;
    const deviation = Math.sqrt(noisy.reduce((sum, value) => sum + (value - mean) ** 2, 0) / noisy.length);
    expect(mean).to.be.closeTo(0.5 * 0.863, 0.02);
    expect(deviation).to.be.closeTo(0.505, 0.02);
    expect(diffuse(grey, 500, 7)).to.deep.equal(noisy);
    expect(diffuse(grey, 500, 8)).not.to.deep.equal(noisy);
  });
});
