/**
 * How sequences lie in rows. Several sequences of different length run as one batch of rows; answers to the same
 * prompt and picture share the prompt's rows, so a preference pair pays for its prompt once; other targets after the same
 * answer share the answer's rows too.
 */
import { InputError } from '../../errors.ts';
import type { Tensor } from '../../kernels/gpu/index.ts';
import type { LlamaConfig } from './config.ts';

/** A prompt whose image tokens stand for rows of `visual`. */
export interface PromptInput {
  readonly promptIds: readonly number[];
  /** Visual tokens, f32 [count, hidden]; may be a wrapped ORT buffer. */
  readonly visual?: Tensor;
  /** The id that `promptIds` has where visual tokens go. */
  readonly imageTokenId?: number;
}

export interface SequenceInput extends PromptInput {
  /** The answer, end-of-utterance included where it counts. */
  readonly responseIds: readonly number[];
  /**
   * Scored at the places of `responseIds`, which stay what is read before them (teacher forcing): as many tokens. Absent,
   * the response itself is scored.
   */
  readonly targetIds?: readonly number[];
}

/** Rows of one forward pass, as the kernels take them. */
export interface RowLayout {
  readonly ids: Uint32Array;
  readonly position: Uint32Array;
  /** Row of the keys and values that this row writes. */
  readonly keyRow: Uint32Array;
  /** Keys this row sees: a..b-1 and c..e-1, four numbers per row. */
  readonly spans: Uint32Array;
  /** Rows that take visual tokens instead of embeddings. */
  readonly visual: readonly { readonly source: Tensor; readonly rows: Uint32Array }[];
}

export interface ScoreLayout extends RowLayout {
  /** Per scored token, all sequences one after another: the row that predicts it, and its id. */
  readonly predictedBy: Uint32Array;
  readonly targets: Uint32Array;
  /** Where each sequence's tokens start, plus the total at the end. */
  readonly starts: readonly number[];
}

/** Collects rows. */
class RowBuilder {
  readonly ids: number[] = [];
  readonly position: number[] = [];
  readonly spans: number[] = [];
  readonly visual: { source: Tensor; rows: Uint32Array }[] = [];

  /** @param firstKey row of the keys and values that the first row writes; without a cache the rows are their own. */
  constructor(readonly firstKey = 0) {}

  get length(): number {
    return this.ids.length;
  }

  /** Rows for `ids` at positions from `first` on, which see the keys `shared` and their own predecessors. */
  add(ids: readonly number[], first: number, shared: readonly [number, number]): void {
    const start = this.firstKey + this.length;
    ids.forEach((id, i) => {
      this.ids.push(id);
      this.position.push(first + i);
      this.spans.push(shared[0], shared[1], start, start + i + 1);
    });
  }

  /** Rows of a prompt, visual tokens in their places; returns the run of rows. */
  addPrompt({ promptIds, visual, imageTokenId }: PromptInput): readonly [number, number] {
    const start = this.length;
    this.add(promptIds, 0, [0, 0]);
    if (visual) {
      const rows = promptIds.flatMap((id, i) => (id === imageTokenId ? [start + i] : []));
      this.visual.push({ source: visual, rows: Uint32Array.from(rows) });
    }
    return [start, this.length];
  }

  build(): RowLayout {
    return {
      ids: Uint32Array.from(this.ids),
      position: Uint32Array.from(this.position),
      keyRow: Uint32Array.from(this.ids, (_, row) => this.firstKey + row),
      spans: Uint32Array.from(this.spans),
      visual: this.visual,
    };
  }
}

/**
 * Rows of prompts one after another, for the prefill of generation, and the last row of each: what follows a prompt is
 * predicted there.
 * @param firstKey row of the cache where the first prompt's keys begin.
 */
export function layoutPrompts(
  prompts: readonly PromptInput[],
  firstKey: number,
): RowLayout & { readonly last: Uint32Array } {
  const rows = new RowBuilder(firstKey);
  const last = prompts.map((prompt) => rows.addPrompt(prompt)[1] - 1);
  return { ...rows.build(), last: Uint32Array.from(last) };
}

/** An answer under way, as its next row sees it. */
export interface AnswerPlace {
  /** Keys of its prompt in the cache. */
  readonly promptKeys: readonly [from: number, to: number];
  /** First row of its own keys in the cache. */
  readonly slot: number;
  /** Tokens so far, at least 1. */
  readonly length: number;
  /** The last of them. */
  readonly last: number;
}

/** One row per answer: its last token, seen together with its prompt and its own tokens before. */
export function layoutAnswers(answers: readonly AnswerPlace[]): RowLayout {
  return {
    ids: Uint32Array.from(answers, ({ last }) => last),
    position: Uint32Array.from(answers, ({ promptKeys: [from, to], length }) => to - from + length - 1),
    keyRow: Uint32Array.from(answers, ({ slot, length }) => slot + length - 1),
    spans: Uint32Array.from(answers.flatMap(({ promptKeys, slot, length }) => [...promptKeys, slot, slot + length])),
    visual: [],
  };
}

/** Rows that score every sequence's response. The last response token predicts nothing and gets no row. */
export function layoutScore(sequences: readonly SequenceInput[]): ScoreLayout {
  const predictedBy: number[] = [];
  const targets: number[] = [];
  const starts = [0];
  const rows = addSequences(sequences, -1, ({ responseIds, targetIds = responseIds }, prompt, own) => {
    targetIds.forEach((id, i) => {
      predictedBy.push(i === 0 ? prompt[1] - 1 : own + i - 1);
      targets.push(id);
    });
    starts.push(targets.length);
  });
  return {
    ...rows.build(),
    predictedBy: Uint32Array.from(predictedBy),
    targets: Uint32Array.from(targets),
    starts,
  };
}

/** Rows of every sequence, last token included, and the row of that token: what a reward model scores. */
export function layoutLast(sequences: readonly SequenceInput[]): RowLayout & { readonly last: Uint32Array } {
  const last: number[] = [];
  const rows = addSequences(sequences, undefined, ({ responseIds }, _, own) => {
    last.push(own + responseIds.length - 1);
  });
  return { ...rows.build(), last: Uint32Array.from(last) };
}

/**
 * Rows of all sequences; those with the same prompt and picture share its rows, and with the same answer those as well.
 * @param end where the rows of a response end, as `slice` takes it.
 * @param added is told the run of the prompt's rows and the first row of the response.
 */
function addSequences(
  sequences: readonly SequenceInput[],
  end: number | undefined,
  added: (input: SequenceInput, prompt: readonly [number, number], own: number) => void,
): RowBuilder {
  const rows = new RowBuilder();
  const prompts: { input: SequenceInput; run: readonly [number, number] }[] = [];
  const answers: { ids: readonly number[]; run: readonly [number, number]; own: number }[] = [];
  for (const input of sequences) {
    let run = prompts.find((known) => samePrompt(known.input, input))?.run;
    if (!run) {
      run = rows.addPrompt(input);
      prompts.push({ input, run });
    }
    const twin = answers.find((known) => known.run === run && sameIds(known.ids, input.responseIds));
    const own = twin?.own ?? rows.length;
    if (!twin) {
      rows.add(input.responseIds.slice(0, end), input.promptIds.length, run);
      answers.push({ ids: input.responseIds, run, own });
    }
    added(input, run, own);
  }
  return rows;
}

function samePrompt(a: PromptInput, b: PromptInput): boolean {
  return (
    a.visual?.buffer === b.visual?.buffer && a.imageTokenId === b.imageTokenId && sameIds(a.promptIds, b.promptIds)
  );
}

function sameIds(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}

/**
 * Refuses a prompt the decoder cannot take with `answerLength` tokens after it.
 * @throws InputError with the numbers.
 */
export function checkPrompt(config: LlamaConfig, prompt: PromptInput, answerLength: number): void {
  const { promptIds, visual, imageTokenId } = prompt;
  if (promptIds.length === 0) throw new InputError('The prompt has no tokens.', 'prompt');
  checkIds(config, promptIds, 'prompt');
  const places = visual || imageTokenId !== undefined ? promptIds.filter((id) => id === imageTokenId).length : 0;
  const given = visual?.rows ?? 0;
  if (places !== given) {
    throw new InputError(`The prompt has ${places} image tokens, and the image gives ${given} visual tokens.`, 'image');
  }
  if (visual && visual.cols !== config.hiddenSize) {
    throw new InputError(
      `Visual tokens have ${visual.cols} features, and the decoder takes ${config.hiddenSize}.`,
      'image',
    );
  }
  const total = promptIds.length + answerLength;
  if (total > config.maxPositions) {
    throw new InputError(
      `The prompt takes ${promptIds.length} tokens and the answer up to ${answerLength}, together ${total}; this model reads at most ${config.maxPositions}. Shorten the prompt or lower max tokens.`,
      'prompt',
    );
  }
}

/** @throws InputError for a sequence that cannot be scored. */
export function checkSequence(config: LlamaConfig, sequence: SequenceInput): void {
  if (sequence.responseIds.length === 0) throw new InputError('The response has no tokens to score.', 'response');
  checkIds(config, sequence.responseIds, 'response');
  const { responseIds, targetIds = responseIds } = sequence;
  if (targetIds.length !== responseIds.length) {
    throw new InputError(
      `There are ${targetIds.length} tokens to score at the ${responseIds.length} places of the response.`,
      'response',
    );
  }
  checkIds(config, targetIds, 'response');
  checkPrompt(config, sequence, sequence.responseIds.length);
}

function checkIds(config: LlamaConfig, ids: readonly number[], what: string): void {
  const wrong = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= config.vocabSize);
  if (wrong !== undefined) {
    throw new InputError(`The ${what} has token ${wrong}, and the vocabulary ${config.vocabSize} entries.`, what);
  }
}
