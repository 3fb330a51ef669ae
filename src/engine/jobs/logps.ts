/** Log-probabilities of given answers, under the policy and the reference. */
import { throwIfCancelled } from '../../errors.ts';
import type { Gpu, Scope, Tensor } from '../../kernels/gpu/index.ts';
import { SUM_COLUMNS, sequenceReduce } from '../../kernels/sequence-reduce/kernel.ts';
import type { ChatTokenizer } from '../../models/tokenizer.ts';
import type { LogpsRequest, LogpsResult, PairLogps, PairLogpsRequest, PairRow } from '../engine.ts';
import { adapterOf, type EngineHost, type JobContext, requireVlm } from './host.ts';

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
 * Both answers of a pair, and the row that the objectives read. The prompt and the picture are computed once for both;
 * the sums are the `sequence-reduce` kernel's, whose log-ratios are sums of token differences.
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
    const { starts, ...policy } = vlm.policy.scoreTensors(scope, sequences, adapter);
    const lengths = sequences.map(({ responseIds }) => responseIds.length);
    // The reference is the policy with its adapter off; with no adapter these are the same numbers, not a second pass.
    const reference = adapter ? vlm.policy.scoreTensors(scope, sequences) : policy;
    const reduced = reduceSequences(gpu, scope, policy.logps, reference.logps, lengths);
    const [logps, entropy, top1, sums] = await gpu.readAll([policy.logps, policy.entropy, policy.top1, reduced]);
    const [chosen, rejected] = sequences.map(({ responseIds }, s) => {
      const part = (values: ArrayLike<number>) => Array.from(values).slice(starts[s], starts[s + 1]);
      return result(responseIds, { logps: part(logps), entropy: part(entropy), top1: part(top1) }, vlm.tokenizer);
    });
    const [of, count] = [SUM_COLUMNS.indexOf.bind(SUM_COLUMNS), SUM_COLUMNS.length];
    const row: PairRow = {
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
  const tokens = ids.map((id, i) => ({
    id,
    text: tokenizer.piece(id),
    logp: logps[i],
    entropy: entropy[i],
    top1: top1[i],
  }));
  return { tokens, sum: tokens.reduce((sum, token) => sum + token.logp, 0), length: ids.length };
}
