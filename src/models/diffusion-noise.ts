/**
 * Forward diffusion of a picture (Ho et al. 2020, arXiv:2006.11239), with the schedule of POVID (arXiv:2402.11411) and
 * SeVa (arXiv:2404.10501): what a model sees when it can hardly see.
 */
import { Random } from '../toybox/random.ts';

/** Steps of the schedule; POVID trains at the middle one. */
const STEPS = 1000;

/** β_k of step k: a sigmoid ramp from 1e-5 to 5e-3. */
const variance = (k: number): number => (5e-3 - 1e-5) / (1 + Math.exp(6 - (12 * k) / (STEPS - 1))) + 1e-5;

/**
 * Shares of picture and noise after `step` steps: √ᾱ and √(1 - ᾱ), ᾱ = Π (1 - β_k) over k = 0 .. step.
 * @param step 0 .. 999.
 */
export function noiseShares(step: number): { readonly picture: number; readonly noise: number } {
  let kept = 1;
  for (let k = 0; k <= step; k++) kept *= 1 - variance(k);
  return { picture: Math.sqrt(kept), noise: Math.sqrt(1 - kept) };
}

/** √ᾱ x + √(1 - ᾱ) ε for values in a model's normalised space; the same seed gives the same ε. */
export function diffuse(values: Float32Array, step: number, seed: number): Float32Array {
  const { picture, noise } = noiseShares(step);
  const random = new Random(seed);
  return values.map((value) => {
    const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
    return picture * value + noise * normal;
  });
}
