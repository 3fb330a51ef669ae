/**
 * What the policy would say if it saw little (POVID, stage 2, arXiv:2402.11411): the likeliest token at every place of
 * the chosen answer, given a noisy copy of the picture and the chosen answer so far. The released code takes policy's and
 * reference's own likeliest tokens; here both are asked about the policy's, so that their difference is a ratio on one
 * text.
 */
import type { LoraAdapter, Policy, SequenceInput } from '../../models/policy/index.ts';
import type { TokenizedPair } from '../data.ts';

export interface NoisyArgmax {
  /** The chosen answers given the clear picture, to be scored at the noisy picture's tokens. */
  readonly sequences: readonly SequenceInput[];
  /** The reference's log-probabilities of these tokens, per pair. */
  readonly references: readonly Float32Array[];
}

/**
 * Asks the present policy, then the reference; waits for the GPU.
 * @throws InputError, CancelledError as `Policy.scoreMany`.
 */
export async function noisyArgmax(
  policy: Policy,
  adapter: LoraAdapter,
  pairs: readonly TokenizedPair[],
  signal: AbortSignal | undefined,
): Promise<NoisyArgmax> {
  const blurred: SequenceInput[] = [];
  for (const { promptIds, imageTokenId, noisy, chosenIds } of pairs) {
    blurred.push({ promptIds, imageTokenId, visual: await noisy!(), responseIds: chosenIds });
  }
  const said = await policy.scoreMany(blurred, { adapter, signal });
  const sequences: SequenceInput[] = [];
  for (const [p, { promptIds, imageTokenId, visual, chosenIds }] of pairs.entries()) {
    const prompt = { promptIds, imageTokenId, visual: await visual!() };
    sequences.push({ ...prompt, responseIds: chosenIds, targetIds: [...said[p].topIds] });
  }
  const scores = await policy.scoreMany(sequences, { signal });
  return { sequences, references: scores.map(({ logps }) => logps) };
}
