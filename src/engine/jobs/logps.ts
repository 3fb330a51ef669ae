/** Log-probabilities of given answers, under the policy and the reference. */
import { throwIfCancelled } from '../../errors.ts';
import type { Gpu, Scope, Tensor } from '../../kernels/gpu/index.ts';
import { SUM_COLUMNS, sequenceReduce } from '../../kernels/sequence-reduce/kernel.ts';
import type { LoraAdapter, Policy, SequenceInput } from '../../models/policy/index.ts';
import type { ChatTokenizer } from '../../models/tokenizer.ts';
import { scoredParts } from '../../training/parts.ts';
import type { LogpsRequest, LogpsResult, PairLogps, PairLogpsRequest, PairRow } from '../engine.ts';
import { adapterOf, type EngineHost, type JobContext, requireVlm } from './host.ts';
import { withTexts } from './sample.ts';

/**
 * Token log-probabilities of one answer. The reference is the policy with its adapter off; without an adapter both give
 * the same numbers.
 * @throws {InputError} for an unknown model, an empty prompt, or a prompt and answer too long for the model.
 */
export async function logps(host: EngineHost, request: LogpsRequest, context: JobContext): Promise<LogpsResult> {
  const { vlm } = requireVlm(host);
  const adapter = adapterOf(host, request.model);
  const prompt = await vlm.prompt(request.image, request.prompt);
  const responseIds = vlm.tokenizer.encodeResponse(request.response);
  const [score] = await vlm.policy.scoreMany([{ ...prompt, responseIds }], { ...context, adapter });
  return result(responseIds, score, vlm.tokenizer);
}

/**
 * Both answers of a pair, and the row that the objectives read: also what needs the corrected tokens, the whole next-token
 * distribution of both models, or the chance that the policy would write the answer. The prompt and the picture are
 * computed once for both; the sums are the `sequence-reduce` kernel's, whose log-ratios are sums of token differences.
 * @throws {InputError} as `logps`.
 */
export async function pairLogps(host: EngineHost, request: PairLogpsRequest, context: JobContext): Promise<PairLogps> {
  const { gpu, vlm } = requireVlm(host);
  const prompt = await vlm.prompt(request.image, request.prompt);
  const sequences = [request.chosen, request.rejected].map((response) => ({
    ...prompt,
    responseIds: vlm.tokenizer.encodeResponse(response),
  }));
  throwIfCancelled(context.signal);
  const scope = gpu.scope('pair-logps');
  try {
    const adapter = adapterOf(host);
    const { policy, reference, divergence } = compare(vlm.policy, scope, sequences, adapter);
    const lengths = sequences.map(({ responseIds }) => responseIds.length);
    const reduced = reduceSequences(gpu, scope, policy.logps, reference.logps, lengths);
    const { logps, entropy, top1, logCollision, starts } = policy;
    const read = [logps, entropy, top1, reduced, logCollision, reference.logps, divergence];
    const [ours, entropies, top1s, sums, collisions, theirs, kls] = await gpu.readAll(read);
    const [one, other] = sequences.map((_, s) => {
      const part = (values: ArrayLike<number>) => Array.from(values).slice(starts[s], starts[s + 1]);
      const tokens = { policy: part(ours), reference: part(theirs) };
      return {
        scores: { logps: tokens.policy, entropy: part(entropies), top1: part(top1s) },
        tokens: { ...tokens, klFromReference: part(kls), logCollision: part(collisions) },
      };
    });
    const [chosenIds, rejectedIds] = sequences.map(({ responseIds }) => responseIds);
    const chosen = result(chosenIds, one.scores, vlm.tokenizer);
    const rejected = result(rejectedIds, other.scores, vlm.tokenizer);
    const [of, count] = [SUM_COLUMNS.indexOf.bind(SUM_COLUMNS), SUM_COLUMNS.length];
    const pair = { promptIds: prompt.promptIds, chosenIds, rejectedIds };
    const row: PairRow = {
      ...scoredParts(pair, { chosen: one.tokens, rejected: other.tokens }),
      chosen: sums[of('policy')],
      rejected: sums[count + of('policy')],
      refChosen: sums[of('reference')],
      refRejected: sums[count + of('reference')],
      chosenLength: lengths[0],
      rejectedLength: lengths[1],
      chosenLogRatio: sums[of('logRatio')],
      rejectedLogRatio: sums[count + of('logRatio')],
    };
    context.onProgress(2, 2);
    return { chosen, rejected, row };
  } finally {
    scope.dispose();
  }
}

/**
 * Scores under policy and reference, and KL(reference ‖ policy) per token. The reference is the policy with its adapter
 * off; with no adapter the two are the same numbers, not a second pass, and nothing apart.
 */
function compare(policy: Policy, scope: Scope, sequences: readonly SequenceInput[], adapter: LoraAdapter | undefined) {
  if (adapter) {
    const { divergence, ...scores } = policy.comparisonTensors(scope, sequences, adapter);
    return { ...scores, divergence: divergence.klFromReference };
  }
  const scores = policy.scoreTensors(scope, sequences);
  return { policy: scores, reference: scores, divergence: scope.zeros('f32', scores.logps.shape, 'no divergence') };
}

/**
 * Sums per sequence, f32 [sequences, SUM_COLUMNS], from log-probabilities that lie one sequence after another.
 * @param lengths tokens of each sequence.
 */
function reduceSequences(
  gpu: Gpu,
  scope: Scope,
  policyLogps: Tensor,
  referenceLogps: Tensor,
  lengths: readonly number[],
): Tensor {
  const tokens = Math.max(...lengths);
  const shape = [lengths.length, tokens];
  const mask = new Uint32Array(lengths.length * tokens);
  const policy = scope.tensor('f32', shape, 'policy logps');
  const reference = scope.tensor('f32', shape, 'reference logps');
  let fromIndex = 0;
  lengths.forEach((count, s) => {
    const toIndex = s * tokens;
    mask.fill(1, toIndex, toIndex + count);
    gpu.copy(policyLogps, policy, { fromIndex, toIndex, count });
    gpu.copy(referenceLogps, reference, { fromIndex, toIndex, count });
    fromIndex += count;
  });
  const sums = scope.tensor('f32', [lengths.length, SUM_COLUMNS.length], 'sums');
  gpu.run(sequenceReduce, { policy, reference, mask: scope.upload('u32', shape, mask, 'mask'), sums });
  return sums;
}

interface Scores {
  readonly logps: ArrayLike<number>;
  readonly entropy: ArrayLike<number>;
  readonly top1: ArrayLike<number>;
}

function result(ids: readonly number[], { logps, entropy, top1 }: Scores, tokenizer: ChatTokenizer): LogpsResult {
  const numbers = ids.map((id, i) => ({ id, logp: logps[i], entropy: entropy[i], top1: top1[i] }));
  const tokens = withTexts(numbers, tokenizer);
  return { tokens, sum: tokens.reduce((sum, token) => sum + token.logp, 0), length: ids.length };
}
