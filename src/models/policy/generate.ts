/** Sampling several answers to one prompt at once: prefill once, then one token per live answer and step. */
import { InputError, throwIfCancelled } from '../../errors.ts';
import type { Tensor } from '../../kernels/gpu/index.ts';
import { type Decoder, type ForwardOptions, keyValues } from './decoder.ts';
import { checkPrompt, layoutPrompt, type PromptInput, type RowLayout } from './layout.ts';
import type { LoraAdapter } from './lora.ts';
import { distribution, Sampler } from './sampling.ts';

export interface GenerateRequest extends PromptInput {
  /** Number of answers. */
  readonly n: number;
  /** 0 = greedy. */
  readonly temperature: number;
  readonly topP: number;
  readonly maxTokens: number;
  /** Same seed, same answers; answer k does not depend on `n`. */
  readonly seed: number;
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
  /** Which answer, 0 to n - 1. */
  readonly index: number;
  readonly id: number;
  readonly logp: number;
  /** Nats. */
  readonly entropy: number;
  readonly top1: number;
  /** Present on the answer's last token. */
  readonly finished?: 'stop' | 'length';
}

/** An answer under way. */
interface Answer {
  readonly index: number;
  readonly sampler: Sampler;
  /** First row of its keys in the cache. */
  readonly slot: number;
  length: number;
  last: number;
}

/**
 * Yields tokens as they are drawn, the answers of one step in order of index. One read-back per step.
 * @throws InputError for settings or a prompt that cannot be used; CancelledError between tokens, after everything
 *   drawn so far was yielded.
 */
export async function* generate(decoder: Decoder, request: GenerateRequest): AsyncGenerator<GeneratedToken> {
  const { n, maxTokens, signal } = request;
  check(decoder, request);
  throwIfCancelled(signal);
  const { gpu, config } = decoder;
  const promptLength = request.promptIds.length;
  const scope = gpu.scope('generate');
  try {
    const keys = promptLength + n * maxTokens;
    const models = modelsOf(request).map((model) => ({
      ...model,
      cache: Array.from({ length: config.layers }, () => keyValues(scope, keys, config.kvHeads * config.headDim)),
    }));
    let live: Answer[] = Array.from({ length: n }, (_, index) => ({
      index,
      sampler: new Sampler(request, request.seed, index),
      slot: promptLength + index * maxTokens,
      length: 0,
      last: -1,
    }));

    let logits = await mixed(decoder, layoutPrompt(request), 'many', models);
    let shared = true; // all answers start from the prompt's one row of logits
    while (live.length > 0) {
      const rows = live.map((_, row) => distribution(rowOf(logits, shared ? 0 : row, config.vocabSize)));
      shared = false;
      const next: Answer[] = [];
      for (const [row, answer] of live.entries()) {
        const { logps, entropy, top1 } = rows[row];
        const id = answer.sampler.draw(rows[row]);
        answer.last = id;
        answer.length++;
        const finished = request.stopIds.includes(id) ? 'stop' : answer.length === maxTokens ? 'length' : undefined;
        if (!finished) next.push(answer);
        yield { index: answer.index, id, logp: logps[id], entropy, top1, ...(finished && { finished }) };
      }
      live = next;
      throwIfCancelled(signal);
      if (live.length > 0) logits = await mixed(decoder, layoutAnswers(live, promptLength), 'few', models);
    }
  } finally {
    scope.dispose();
  }
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

/** The models' logits by their shares: a geometric mixture of the distributions, before it is normalised. */
async function mixed(
  decoder: Decoder,
  rows: RowLayout,
  rowCount: 'many' | 'few',
  models: readonly Model[],
): Promise<Float32Array> {
  const [{ share, ...alone }] = models;
  const first = await step(decoder, rows, rowCount, alone);
  if (models.length === 1) return first;
  const { share: rest, ...other } = models[1];
  const second = await step(decoder, rows, rowCount, other);
  return first.map((logit, i) => share * logit + rest * second[i]);
}

/** Runs the rows and reads back the logits that follow: of the last row of a prompt, or of every answer's row. */
async function step(
  decoder: Decoder,
  rows: RowLayout,
  rowCount: 'many' | 'few',
  options: ForwardOptions,
): Promise<Float32Array> {
  const scope = decoder.gpu.scope('generate step');
  try {
    const count = rows.ids.length;
    const stream = decoder.forward(scope, rows, rowCount, options);
    const picked = rowCount === 'many' ? [count - 1] : Array.from({ length: count }, (_, row) => row);
    const logits: Tensor = decoder.logits(scope, decoder.normed(scope, stream, Uint32Array.from(picked)));
    return (await decoder.gpu.read(logits)) as Float32Array;
  } finally {
    scope.dispose();
  }
}

/** One row per live answer: its last token, seen together with the prompt and its own tokens before. */
function layoutAnswers(live: readonly Answer[], promptLength: number): RowLayout {
  return {
    ids: Uint32Array.from(live, (answer) => answer.last),
    position: Uint32Array.from(live, (answer) => promptLength + answer.length - 1),
    keyRow: Uint32Array.from(live, (answer) => answer.slot + answer.length - 1),
    spans: Uint32Array.from(live.flatMap(({ slot, length }) => [0, promptLength, slot, slot + length])),
    visual: [],
  };
}

function rowOf(logits: Float32Array, row: number, vocab: number): Float32Array {
  return logits.subarray(row * vocab, (row + 1) * vocab);
}

function check(decoder: Decoder, request: GenerateRequest): void {
  const { n, maxTokens, temperature, topP, adapter, mixtureCoef } = request;
  const refuse = (name: string, value: number, range: string) => {
    throw new InputError(`"${name}" is ${value}; it must be ${range}.`, name);
  };
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
  checkPrompt(decoder.config, request, maxTokens);
}
