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
  const logps = Float64Array.from(logits, (logit) => logit - lse);
  let entropy = 0;
  for (const logp of logps) entropy -= Math.exp(logp) * logp;
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
    const weights = logps.map((logp) => Math.exp((logp - logps[topId]) / temperature));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const ids = topP < 1 ? nucleus(weights, total, topP) : Uint32Array.from(weights, (_, id) => id);
    let mass = 0;
    for (const id of ids) mass += weights[id];
    let point = this.#random.next() * mass;
    for (const id of ids) {
      point -= weights[id];
      if (point < 0) return id;
    }
    return topId; // rounding left a crumb of the last weight
  }
}

/** Ids of the smallest set whose share of `total` is at least `topP`, most likely first; never empty. */
function nucleus(weights: Float64Array, total: number, topP: number): Uint32Array {
  // All tokens below this weight hold less than 1 - topP together, so none of them can be needed: sort the rest only.
  const least = ((1 - topP) * total) / weights.length;
  const ids = Uint32Array.from(weights.keys()).filter((id) => weights[id] >= least);
  ids.sort((a, b) => weights[b] - weights[a] || a - b);
  let mass = 0;
  let size = 0;
  while (size < ids.length && (size === 0 || mass < topP * total)) mass += weights[ids[size++]];
  return ids.subarray(0, size);
}
