/** One answer to each of many prompts, side by side. */
import { InputError, throwIfCancelled } from '../../errors.ts';
import { checkPrompt, type GeneratePrompt, sideBySide } from '../../models/policy/index.ts';
import { numbered } from '../../numbered.ts';
import type { ImagePrompt, SampleBatchEvent, SampleBatchRequest, TokenScore } from '../engine.ts';
import { adapterOf, type EngineHost, type JobContext, requireVlm } from './host.ts';
import { candidate, checkSettings } from './sample.ts';

/** A prompt of the request, by its place there. */
interface Asked extends ImagePrompt {
  readonly place: number;
  readonly promptIds: readonly number[];
}

/**
 * Answers every prompt and reports each answer when it is whole; progress counts answers. Prompts are read before the
 * first answer, pictures only when their turn comes, so that their features need not stay longer than they are used.
 * @throws {InputError} for settings out of range, no prompt, or, by its number, a prompt or a picture that cannot be used;
 *   answers reported before stay. @throws {CancelledError} between tokens and pictures.
 */
export async function sampleBatch(
  host: EngineHost,
  request: SampleBatchRequest,
  { signal, onProgress }: JobContext,
  emit: (event: SampleBatchEvent) => void,
): Promise<null> {
  const { prompts, temperature, topP, maxTokens, seed } = request;
  checkSettings(request);
  if (prompts.length === 0) throw new InputError('There is no prompt to answer.', 'prompts');
  const { vlm } = requireVlm(host);
  const { tokenizer, policy, tower } = vlm;
  const adapter = adapterOf(host, request.model);
  const asked: Asked[] = [];
  for (const [place, prompt] of prompts.entries()) {
    const promptIds = await numbered('Prompt', place, prompts.length, () =>
      tokenizer.encodePrompt(prompt.prompt, tower.visualTokens),
    );
    asked.push({ ...prompt, place, promptIds });
  }
  let done = 0;
  for (const batch of sideBySide(asked, 1, maxTokens)) {
    const inputs: GeneratePrompt[] = [];
    for (const { image, prompt, place } of batch) {
      throwIfCancelled(signal);
      const input = await numbered('Prompt', place, prompts.length, () => vlm.prompt(image, prompt));
      await numbered('Prompt', place, prompts.length, () => checkPrompt(policy.config, input, maxTokens));
      inputs.push({ ...input, seed });
    }
    const answers = batch.map((): Pick<TokenScore, 'id' | 'logp' | 'entropy' | 'top1'>[] => []);
    const settings = { n: 1, temperature, topP, maxTokens, stopIds: [tokenizer.eosTokenId], adapter, signal };
    for await (const token of policy.generate({ prompts: inputs, ...settings })) {
      const { prompt, id, logp, entropy, top1, finished } = token;
      answers[prompt].push({ id, logp, entropy, top1 });
      if (!finished) continue;
      emit({ prompt: batch[prompt].place, candidate: candidate(0, answers[prompt], finished, tokenizer) });
      onProgress(++done, prompts.length);
    }
  }
  return null;
}
