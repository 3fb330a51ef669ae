/**
 * Sampling answers to prompts side by side: every prompt is read once, then each step draws one token of every answer
 * that is still open. Dispatches and read-back are paid per step and not per answer.
 */
import { InputError, throwIfCancelled } from '../../errors.ts';
import { type Decoder, type ForwardOptions, keyValues, type RowCount } from './decoder.ts';
import {
  type AnswerPlace,
  checkPrompt,
  layoutAnswers,
  layoutPrompts,
  type PromptInput,
  type RowLayout,
} from './layout.ts';
import type { LoraAdapter } from './lora.ts';
import { rowBatches } from './row-batches.ts';
import { type Distribution, distribution, Sampler } from './sampling.ts';

/** A prompt with the seed of its answers. */
export interface GeneratePrompt extends PromptInput {
  /** Same seed, same answers: answer k depends neither on `n` nor on the prompts beside this one. */
  readonly seed: number;
}

export interface GenerateRequest {
  /**
   * Answered side by side, all at once: the cache holds every prompt and every answer at its longest, so many prompts go
   * in batches (`sideBySide`).
   */
  readonly prompts: readonly GeneratePrompt[];
  /** Answers to each prompt. */
  readonly n: number;
  /** 0 = greedy. */
  readonly temperature: number;
  readonly topP: number;
  readonly maxTokens: number;
  /** Tokens that end an answer; the one drawn is reported as its last token. */
  readonly stopIds: readonly number[];
  readonly signal?: AbortSignal;
  /** Samples from the policy; without it, from the reference. */
  readonly adapter?: LoraAdapter;
  /**
   * Samples from the geometric mixture of both, normalised: reference^c times policy^(1 - c), from 0 (policy) to 1. TRL's
   * `mixture_coef`. Needs an adapter; the numbers of a token are then the mixture's.
   */
  readonly mixtureCoef?: number;
}

/** One token of one answer. Numbers are of the untempered distribution, the same that `score` gives. */
export interface GeneratedToken {
  /** To which prompt, by its place in the request. */
  readonly prompt: number;
  /** Which of its answers, 0 to n - 1. */
  readonly index: number;
  readonly id: number;
  readonly logp: number;
  /** Nats. */
  readonly entropy: number;
  readonly top1: number;
  /** Present on the answer's last token. */
  readonly finished?: 'stop' | 'length';
}

/** An answer under way; `layoutAnswers` takes it from its first token on. */
interface Answer extends AnswerPlace {
  readonly prompt: number;
  readonly index: number;
  readonly sampler: Sampler;
  length: number;
  last: number;
}

/** Rows of the cache that answers side by side share: 190 MB of keys and values in SmolVLM-256M, 8 MB in the Toybox VLM. */
const CACHE_ROWS = 4096;
/** More rows make a step slower and not cheaper; nor do more pictures keep their features on the GPU (`vision-tower.ts`). */
const ANSWERS = 64;

/** Consecutive prompts in batches that `generate` may be given at once, with `n` answers of `maxTokens` to each. */
export const sideBySide = <T extends { readonly promptIds: readonly number[] }>(
  prompts: readonly T[],
  n: number,
  maxTokens: number,
): Generator<T[]> =>
  rowBatches(prompts, ({ promptIds }) => promptIds.length + n * maxTokens, {
    rows: CACHE_ROWS,
    items: Math.max(1, Math.floor(ANSWERS / n)),
  });

/**
 * Yields tokens as they are drawn, those of one step in the order of prompts and answers. One read-back per step.
 *
 * An answer is the same whatever is sampled beside it, its numbers bit for bit: a row sees the keys of its prompt and of
 * its own answer alone, no kernel here lets a row's sums depend on the rows beside it, and which kernels run follows from
 * the kind of work (`RowCount`), never from how many rows there are.
 * @throws InputError for settings or a prompt that cannot be used; OutOfMemoryError where the cache does not fit;
 *   CancelledError between tokens, after everything drawn so far was yielded.
 */
export async function* generate(decoder: Decoder, request: GenerateRequest): AsyncGenerator<GeneratedToken> {
  const { prompts, n, maxTokens, signal } = request;
  check(decoder, request);
  throwIfCancelled(signal);
  const { gpu, config } = decoder;
  const scope = gpu.scope('generate');
  try {
    let live = answersOf(request);
    const keys = live.at(-1)!.slot + maxTokens;
    const models = modelsOf(request).map((model) => ({
      ...model,
      cache: Array.from({ length: config.layers }, () => keyValues(scope, keys, config.kvHeads * config.headDim)),
    }));

    // All answers to a prompt start from its one distribution. Prompts are read as many at a time as scoring would take:
    // the activations of all of them could be more than the device holds, or binds at once.
    let next: Distribution[] = [];
    let firstKey = 0;
    for (const batch of rowBatches(prompts, ({ promptIds }) => promptIds.length)) {
      throwIfCancelled(signal);
      const { last, ...rows } = layoutPrompts(batch, firstKey);
      const first = await distributions(decoder, { rows, rowCount: 'many', picked: last }, models);
      next.push(...first.flatMap((each) => Array.from({ length: n }, () => each)));
      firstKey += rows.ids.length;
    }
    while (true) {
      const open: Answer[] = [];
      for (const [row, answer] of live.entries()) {
        const { logps, entropy, top1 } = next[row];
        const id = answer.sampler.draw(next[row]);
        answer.last = id;
        answer.length++;
        const finished = request.stopIds.includes(id) ? 'stop' : answer.length === maxTokens ? 'length' : undefined;
        if (!finished) open.push(answer);
        const { prompt, index } = answer;
        yield { prompt, index, id, logp: logps[id], entropy, top1, ...(finished && { finished }) };
      }
      live = open;
      throwIfCancelled(signal);
      if (live.length === 0) return;
      const picked = Uint32Array.from(live.keys());
      next = await distributions(decoder, { rows: layoutAnswers(live), rowCount: 'few', picked }, models);
    }
  } finally {
    scope.dispose();
  }
}

/** Every answer before its first token. In the cache all prompts come first, then a slot per answer. */
function answersOf(request: GenerateRequest): Answer[] {
  const { prompts, n, maxTokens } = request;
  const starts = [0];
  for (const { promptIds } of prompts) starts.push(starts.at(-1)! + promptIds.length);
  return prompts.flatMap(({ seed }, prompt) =>
    Array.from({ length: n }, (_, index) => ({
      prompt,
      index,
      sampler: new Sampler(request, seed, index),
      promptKeys: [starts[prompt], starts[prompt + 1]] as const,
      slot: starts[prompts.length] + (prompt * n + index) * maxTokens,
      length: 0,
      last: -1,
    })),
  );
}

/** A model that takes part in sampling, and its share of the logits. */
interface Model extends ForwardOptions {
  readonly share: number;
}

/** One model alone, or both of a mixture. */
function modelsOf({ adapter, mixtureCoef }: GenerateRequest): Model[] {
  if (mixtureCoef === undefined) return [{ share: 1, adapter }];
  return [{ share: mixtureCoef }, { share: 1 - mixtureCoef, adapter }];
}

/** Rows to run, and those of them that a token follows. */
interface Step {
  readonly rows: RowLayout;
  readonly rowCount: RowCount;
  readonly picked: Uint32Array;
}

/** The next token of each picked row: the models' geometric mixture by their shares, which is a mean of logits. */
async function distributions(decoder: Decoder, step: Step, models: readonly Model[]): Promise<Distribution[]> {
  const [{ share, ...alone }] = models;
  let logits = await logitsOf(decoder, step, alone);
  if (models.length > 1) {
    const { share: rest, ...other } = models[1];
    const second = await logitsOf(decoder, step, other);
    logits = logits.map((logit, i) => share * logit + rest * second[i]);
  }
  const { vocabSize } = decoder.config;
  return Array.from(step.picked, (_, row) => distribution(logits.subarray(row * vocabSize, (row + 1) * vocabSize)));
}

/** Runs the rows and reads back the logits of the picked ones, f32 [picked, vocab]. */
async function logitsOf(
  decoder: Decoder,
  { rows, rowCount, picked }: Step,
  options: ForwardOptions,
): Promise<Float32Array> {
  const scope = decoder.gpu.scope('generate step');
  try {
    const stream = decoder.forward(scope, rows, rowCount, options);
    const logits = decoder.logits(scope, decoder.normed(scope, stream, picked));
    return (await decoder.gpu.read(logits)) as Float32Array;
  } finally {
    scope.dispose();
  }
}

function check(decoder: Decoder, request: GenerateRequest): void {
  const { prompts, n, maxTokens, temperature, topP, adapter, mixtureCoef } = request;
  const refuse = (name: string, value: number, range: string) => {
    throw new InputError(`"${name}" is ${value}; it must be ${range}.`, name);
  };
  if (prompts.length === 0) throw new InputError('There is no prompt to answer.', 'prompt');
  if (!Number.isInteger(n) || n < 1) refuse('n', n, 'a whole number of at least 1');
  if (!Number.isInteger(maxTokens) || maxTokens < 1) refuse('maxTokens', maxTokens, 'a whole number of at least 1');
  if (!(temperature >= 0 && Number.isFinite(temperature))) refuse('temperature', temperature, '0 or more');
  if (!(topP > 0 && topP <= 1)) refuse('topP', topP, 'above 0 and at most 1');
  if (mixtureCoef !== undefined && !(mixtureCoef >= 0 && mixtureCoef <= 1)) {
    refuse('mixtureCoef', mixtureCoef, 'from 0 to 1');
  }
  if (mixtureCoef !== undefined && !adapter) {
    throw new InputError(
      'A mixture of policy and reference needs an adapter: without one they are the same.',
      'adapter',
    );
  }
  for (const prompt of prompts) checkPrompt(decoder.config, prompt, maxTokens);
}
