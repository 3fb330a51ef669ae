/** How far the policy has moved from its reference, on answers it samples itself. */
import { InputError, throwIfCancelled } from '../../errors.ts';
import type { Divergence, DivergenceRequest } from '../engine.ts';
import { adapterOf, type EngineHost, type JobContext, requireVlm } from './host.ts';

/**
 * Samples answers of the policy as it is (temperature 1, the whole vocabulary), then takes KL(policy ‖ reference) of the
 * next-token distribution at each of their tokens, exact over the vocabulary. The sum along an answer is an unbiased
 * estimate of the divergence of whole answers, with less noise than one from the sampled tokens alone.
 * @throws {InputError} for a number of answers or tokens that cannot be, or a prompt that does not fit.
 */
export async function divergence(
  host: EngineHost,
  request: DivergenceRequest,
  context: JobContext,
): Promise<Divergence> {
  const { vlm } = requireVlm(host);
  const { n, maxTokens, seed } = request;
  if (!Number.isInteger(n) || n < 1) throw new InputError(`The number of answers is ${n}; it must be at least 1.`, 'n');
  const adapter = adapterOf(host);
  const prompt = await vlm.prompt(request.image, request.prompt);
  const answers: number[][] = Array.from({ length: n }, () => []);
  const drawn = vlm.policy.generate({
    prompts: [{ ...prompt, seed }],
    n,
    temperature: 1,
    topP: 1,
    maxTokens,
    stopIds: [vlm.tokenizer.eosTokenId],
    adapter,
    signal: context.signal,
  });
  for await (const { index, id } of drawn) answers[index].push(id);
  throwIfCancelled(context.signal);
  const sequences = answers.map((responseIds) => ({ ...prompt, responseIds }));
  const each = await vlm.policy.divergence(sequences, { adapter, signal: context.signal });
  return {
    answers: each.map(({ klToReference }) => ({
      tokens: klToReference.length,
      kl: klToReference.reduce((sum, kl) => sum + kl, 0),
    })),
  };
}
