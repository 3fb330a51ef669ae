/** Sampling answers, token by token. */
import { CancelledError, InputError } from '../../errors.ts';
import type { ChatTokenizer } from '../../models/tokenizer.ts';
import type { Candidate, FinishReason, SampleEvent, SampleRequest, SamplingSettings, TokenScore } from '../engine.ts';
import { adapterOf, type EngineHost, type JobContext, requireVlm } from './host.ts';

const MAX_ANSWERS = 16;

/**
 * Samples `request.n` answers and reports every token with its log-probability. After a cancel, answers that have begun
 * are reported as they stand with `finish: 'cancelled'`, then the job ends with `CancelledError`.
 * @throws {InputError} for settings out of range, an empty prompt, or one too long for the model.
 */
export async function sample(
  host: EngineHost,
  request: SampleRequest,
  context: JobContext,
  emit: (event: SampleEvent) => void,
): Promise<null> {
  checkSettings(request);
  if (!Number.isInteger(request.n) || request.n < 1 || request.n > MAX_ANSWERS) {
    throw new InputError(`The number of answers is ${request.n}; choose a whole number from 1 to ${MAX_ANSWERS}.`, 'n');
  }
  const { vlm } = requireVlm(host);
  const { tokenizer, policy } = vlm;
  const adapter = adapterOf(host, request.model);
  const { n, temperature, topP, maxTokens, seed } = request;
  const prompt = await vlm.prompt(request.image, request.prompt);
  const answers: TokenScore[][] = Array.from({ length: n }, () => []);
  const readers = answers.map(() => tokenizer.reader());
  const open = new Set(answers.keys());
  const finish = (index: number, reason: FinishReason) => {
    open.delete(index);
    emit({ type: 'done', index, candidate: candidate(index, answers[index], reason, tokenizer) });
    context.onProgress(n - open.size, n);
  };
  try {
    const tokens = policy.generate({
      prompts: [{ ...prompt, seed }],
      n,
      temperature,
      topP,
      maxTokens,
      stopIds: [tokenizer.eosTokenId],
      adapter,
      signal: context.signal,
    });
    for await (const { index, id, logp, entropy, top1, finished } of tokens) {
      const token = { id, ...readers[index](id), logp, entropy, top1 };
      answers[index].push(token);
      emit({ type: 'token', index, token });
      if (finished) finish(index, finished);
    }
    return null;
  } catch (error) {
    if (error instanceof CancelledError) {
      for (const index of [...open]) if (answers[index].length > 0) finish(index, 'cancelled');
    }
    throw error;
  }
}

/** A token as it is drawn or scored; what it is in the text is known once the answer is whole. */
type Numbers = Pick<TokenScore, 'id' | 'logp' | 'entropy' | 'top1'>;

/** The tokens of a whole answer with their texts. */
export function withTexts(tokens: readonly Numbers[], tokenizer: ChatTokenizer): TokenScore[] {
  const pieces = tokenizer.pieces(tokens.map(({ id }) => id));
  return tokens.map(({ id, logp, entropy, top1 }, i) => ({ id, ...pieces[i], logp, entropy, top1 }));
}

/** A whole answer of its tokens. */
export function candidate(
  index: number,
  tokens: readonly Numbers[],
  finish: FinishReason,
  tokenizer: ChatTokenizer,
): Candidate {
  return {
    index,
    tokens: withTexts(tokens, tokenizer),
    text: tokenizer.decode(tokens.map((token) => token.id)),
    logpSum: tokens.reduce((sum, token) => sum + token.logp, 0),
    finish,
  };
}

/** @throws {InputError} for a setting out of range. */
export function checkSettings({ seed, maxTokens, temperature, topP }: SamplingSettings): void {
  if (!Number.isInteger(maxTokens) || maxTokens < 1) {
    throw new InputError(
      `The longest answer is ${maxTokens} tokens; choose a whole number of at least 1.`,
      'maxTokens',
    );
  }
  if (!(temperature >= 0) || !Number.isFinite(temperature)) {
    throw new InputError(
      `The temperature is ${temperature}; choose a number of at least 0 (0 is greedy).`,
      'temperature',
    );
  }
  if (!(topP > 0 && topP <= 1)) {
    throw new InputError(`Top-p is ${topP}; choose a number above 0 and at most 1.`, 'topP');
  }
  if (!Number.isSafeInteger(seed)) {
    throw new InputError(`The seed is ${seed}; choose a whole number.`, 'seed');
  }
}
