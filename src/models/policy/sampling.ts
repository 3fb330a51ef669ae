/** From logits to a token, in f64 on the CPU: reproducible, and easy to check. */
import { Random } from '../../toybox/random.ts';

/** A next-token distribution, untempered. */
export interface Distribution {
  readonly logps: Float64Array;
  /** Nats. */
  readonly entropy: number;
  /** Probability of the most likely token. */
  readonly top1: number;
  /** The most likely token; the lowest id of equals. */
  readonly topId: number;
}

/** Log-softmax of one row of logits. */
export function distribution(logits: ArrayLike<number>): Distribution {
  let topId = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[topId]) topId = i;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i] - logits[topId]);
  const lse = logits[topId] + Math.log(sum);
  const logps = new Float64Array(logits.length);
  let entropy = 0;
  for (let i = 0; i < logits.length; i++) {
    logps[i] = logits[i] - lse;
    entropy -= Math.exp(logps[i]) * logps[i];
  }
  return { logps, entropy, top1: Math.exp(logps[topId]), topId };
}

export interface SamplerOptions {
  /** 0 = greedy. */
  readonly temperature: number;
  /** Nucleus: the smallest set of most likely tokens whose probability reaches this (Holtzman et al. 2020). */
  readonly topP: number;
}

/** Draws the tokens of one answer. Its stream of random numbers depends on the seed and its index alone. */
export class Sampler {
  readonly #random: Random;

  constructor(
    readonly options: SamplerOptions,
    seed: number,
    index: number,
  ) {
    this.#random = new Random(seed, index);
  }

  /** One token id. */
  draw({ logps, topId }: Distribution): number {
    const { temperature, topP } = this.options;
    if (temperature === 0) return topId;
    const weights = new Float64Array(logps.length);
    let mass = 0;
    for (let id = 0; id < logps.length; id++) {
      weights[id] = Math.exp((logps[id] - logps[topId]) / temperature);
      mass += weights[id];
    }
    if (topP < 1) mass = keepNucleus(weights, mass, topP);
    let point = this.#random.next() * mass;
    for (let id = 0; id < weights.length; id++) {
      point -= weights[id];
      if (point < 0) return id;
    }
    return topId; // rounding left a crumb behind the last weight
  }
}

/**
 * Zeroes all weights but the smallest set of largest ones whose share of `mass` is at least `topP`; never none.
 * @returns the mass that is left.
 */
function keepNucleus(weights: Float64Array, mass: number, topP: number): number {
  // All tokens below this weight hold less than 1 - topP together, so none of them can be needed: sort the rest only.
  const least = ((1 - topP) * mass) / weights.length;
  const ids: number[] = [];
  for (let id = 0; id < weights.length; id++) if (weights[id] >= least) ids.push(id);
  ids.sort((a, b) => weights[b] - weights[a] || a - b);
  const sorted = ids.map((id) => weights[id]);
  weights.fill(0);
  let kept = 0;
  for (let i = 0; i < ids.length && (i === 0 || kept < topP * mass); i++) {
    weights[ids[i]] = sorted[i];
    kept += sorted[i];
  }
  return kept;
}
