/**
 * Prompts and answers as token ids, the way SmolVLM's processor and TRL make them: the chat template is rendered, the
 * image placeholder is expanded to one token per visual feature, and an answer ends with the end-of-utterance token,
 * which is scored like any other.
 */
import { isObject } from '../check.ts';
import { InputError, ModelFileError } from '../errors.ts';
import { jsonExcerpt } from '../json-excerpt.ts';
import { type ChatMessage, createTokenizer, type PreTrainedTokenizer, renderChat } from './hub.ts';
import { bytesOf, TextReader } from './token-text.ts';

const IMAGE = '<image>';
const END_OF_UTTERANCE = '<end_of_utterance>';
/** Image tokens of the prompt that a tokenizer is tried with. */
const TRIED_TOKENS = 4;

/** The parsed tokenizer files of a Hugging Face folder. */
export interface TokenizerFiles {
  readonly tokenizer: unknown;
  readonly tokenizerConfig: Readonly<Record<string, unknown>>;
  /** Jinja source, where it is a file of its own. */
  readonly chatTemplate?: string;
}

/** What one token is in its answer. */
export interface TokenPiece {
  /** The text that the token completes, '' where a later token completes it; a special token's own name. */
  readonly text: string;
  /** Whether it stands for no text of the answer, such as end-of-utterance. */
  readonly special?: true;
  /** Its bytes in hex, for a token that holds only part of a character. */
  readonly bytes?: string;
}

export class ChatTokenizer {
  /** Placeholder that the decoder replaces with visual features, one each. */
  readonly imageTokenId: number;
  readonly eosTokenId: number;
  /** What stands around the image tokens: `<fake_token_around_image><global-img>` ... in SmolVLM, nothing in models without them. */
  private readonly before: string;
  private readonly after: string;
  private readonly specialIds: ReadonlySet<number>;
  /** Entries of the vocabulary by their id. */
  private readonly entries: readonly string[];

  private constructor(private readonly tokenizer: PreTrainedTokenizer) {
    const vocabulary = tokenizer.get_vocab();
    this.imageTokenId = vocabulary.get(IMAGE)!;
    this.eosTokenId = vocabulary.get(END_OF_UTTERANCE) ?? tokenizer.eos_token_id;
    const fake = vocabulary.has('<fake_token_around_image>') ? '<fake_token_around_image>' : '';
    this.before = fake + (vocabulary.has('<global-img>') ? '<global-img>' : '');
    this.after = fake;
    this.specialIds = new Set(tokenizer.all_special_tokens.flatMap((name: string) => vocabulary.get(name) ?? []));
    const entries: string[] = [];
    for (const [entry, id] of vocabulary) entries[id] = entry;
    this.entries = entries;
  }

  /**
   * @param name file name for the error messages.
   * @throws {ModelFileError} when the files hold no usable chat tokenizer.
   */
  static create(files: TokenizerFiles, name: string): ChatTokenizer {
    const tokenizer = readTokenizer(files, name);
    const chat = new ChatTokenizer(tokenizer);
    if (chat.imageTokenId === undefined || chat.eosTokenId === undefined || !tokenizer.chat_template) {
      throw new ModelFileError(`${name} lacks an image token, an end token or a chat template.`, name);
    }
    chat.tryTemplate(name);
    return chat;
  }

  /** @throws {ModelFileError} for a template that cannot be rendered, or loses the picture or the question. */
  private tryTemplate(name: string): void {
    const question = 'question';
    let text: string;
    try {
      text = this.render(question);
    } catch (cause) {
      throw new ModelFileError(`The chat template of ${name} cannot be rendered: ${words(cause)}`, name, { cause });
    }
    if (text.split(IMAGE).length !== 2 || !text.includes(question)) {
      throw new ModelFileError(
        `The chat template of ${name} does not put one picture and the question together.`,
        name,
      );
    }
    const tokens = this.encodePrompt(question, TRIED_TOKENS);
    const images = tokens.filter((id) => id === this.imageTokenId).length;
    if (images !== TRIED_TOKENS || !tokens.every((id) => Number.isSafeInteger(id) && id >= 0)) {
      throw new ModelFileError(`${name} does not turn the picture's place in a prompt into image tokens.`, name);
    }
  }

  /**
   * Token ids of a prompt up to where the answer begins, with `visualTokens` image tokens in a row.
   * @throws {InputError} for an empty prompt, or one that holds special tokens.
   */
  encodePrompt(prompt: string, visualTokens: number): number[] {
    if (prompt.trim() === '')
      throw new InputError('The prompt is empty. Write a question about the picture.', 'prompt');
    this.assertPlain(prompt, 'prompt');
    const text = this.render(prompt).replace(IMAGE, () => this.before + IMAGE.repeat(visualTokens) + this.after);
    return this.encode(text);
  }

  /**
   * Token ids of an answer, end-of-utterance last. An empty answer is that one token.
   * @throws {InputError} when the text holds special tokens.
   */
  encodeResponse(response: string): number[] {
    this.assertPlain(response, 'response');
    const text = response.trim();
    return text === '' ? [this.eosTokenId] : [...this.encode(this.answerPrefix + text), this.eosTokenId];
  }

  /** The answer as people read it: special tokens and surrounding blanks removed. */
  decode(ids: readonly number[]): string {
    if (ids.length === 0) return '';
    return this.tokenizer.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false }).trim();
  }

  /** Reads tokens as they are drawn: what each is, with half a character held back until it is whole. */
  reader(): (id: number) => TokenPiece {
    const text = new TextReader((ids) => this.plain(ids));
    return (id) => this.pieceOf(id, text);
  }

  /** What each token of a whole answer is. The texts without special ones, joined and trimmed, are `decode`'s. */
  pieces(ids: readonly number[]): TokenPiece[] {
    const text = new TextReader((window) => this.plain(window));
    const pieces = ids.map((id) => this.pieceOf(id, text));
    const rest = text.end();
    const last = pieces.findLastIndex(({ special }) => !special);
    return rest ? pieces.with(last, { ...pieces[last], text: pieces[last].text + rest }) : pieces;
  }

  private pieceOf(id: number, text: TextReader): TokenPiece {
    if (this.specialIds.has(id)) return { text: this.entries[id], special: true };
    const piece = { text: text.push(id) };
    if (!this.plain([id]).includes('\uFFFD')) return piece;
    const bytes = bytesOf(this.entries[id]);
    return bytes === undefined ? piece : { ...piece, bytes };
  }

  private plain(ids: readonly number[]): string {
    return this.tokenizer.decode([...ids], { skip_special_tokens: false, clean_up_tokenization_spaces: false });
  }

  /** What the template puts between the generation prompt and the answer: one blank in SmolVLM. */
  private get answerPrefix(): string {
    const marker = 'answer';
    const prompt = this.render('question');
    const whole = this.render('question', marker);
    return whole.startsWith(prompt) ? whole.slice(prompt.length, whole.indexOf(marker, prompt.length)) : '';
  }

  private render(prompt: string, response?: string): string {
    const messages: ChatMessage[] = [{ role: 'user', content: [{ type: 'image' }, { type: 'text', text: prompt }] }];
    if (response === undefined) return renderChat(this.tokenizer, messages, true);
    messages.push({ role: 'assistant', content: [{ type: 'text', text: response }] });
    return renderChat(this.tokenizer, messages, false);
  }

  private encode(text: string): number[] {
    return this.tokenizer.encode(text, { add_special_tokens: false });
  }

  /** A special token typed by hand would be read as one and upset the count of image tokens. */
  private assertPlain(text: string, field: string): void {
    const found = this.tokenizer.all_special_tokens.find((token) => text.includes(token));
    if (found) {
      throw new InputError(`The ${field} contains ${found}, which the model keeps for itself. Remove it.`, field);
    }
  }
}

/** Another library's message in one of ours: quoted, because it speaks of its own code. */
const words = (cause: unknown): string => `${jsonExcerpt((cause as Error).message)}.`;

/** A template that people write has a few kilobytes; loops over loops would keep the worker busy for ever. */
const MOST_TEMPLATE_LETTERS = 100_000;
const MOST_NESTED_LOOPS = 4;
/** Far above any vocabulary: the library keeps an array as long as the largest id. */
const MOST_TOKENS = 2 ** 22;

/** @throws {ModelFileError} for files that hold no tokenizer, or one that would hang or fill the memory. */
function readTokenizer(files: TokenizerFiles, name: string): PreTrainedTokenizer {
  const refuse = (why: string, cause?: unknown): never => {
    throw new ModelFileError(`${name} is not a tokenizer this page can read: ${why}`, name, { cause });
  };
  if (!isObject(files.tokenizer) || !isObject(files.tokenizer.model) || !isObject(files.tokenizerConfig)) {
    return refuse('it is not the JSON of one.');
  }
  const { vocab } = files.tokenizer.model;
  const added = files.tokenizer.added_tokens ?? [];
  if (!Array.isArray(added) || !added.every((token) => isObject(token) && typeof token.content === 'string')) {
    return refuse('its added_tokens are no list of tokens.');
  }
  const ids = isObject(vocab) ? Object.values(vocab) : [];
  const wrong = [...ids, ...added.map(({ id }) => id)].find((id) => !isTokenId(id));
  if (wrong !== undefined) return refuse(`it gives a token the number ${jsonExcerpt(wrong)}.`);
  const problem = templateProblem(files.chatTemplate ?? files.tokenizerConfig.chat_template);
  if (problem) return refuse(problem);
  try {
    return createTokenizer(files.tokenizer, files.tokenizerConfig, files.chatTemplate);
  } catch (cause) {
    return refuse(words(cause), cause);
  }
}

const isTokenId = (id: unknown): boolean => Number.isInteger(id) && (id as number) >= 0 && (id as number) < MOST_TOKENS;

/** What is wrong with a chat template, if anything: Jinja is a language, and one that could run for ever is refused. */
function templateProblem(template: unknown): string | undefined {
  const texts: unknown[] = Array.isArray(template) ? template.map((each) => each?.template) : [template ?? ''];
  for (const text of texts) {
    if (typeof text !== 'string') return 'its chat template is not text.';
    if (text.length > MOST_TEMPLATE_LETTERS) return 'its chat template is too long.';
    let depth = 0;
    for (const [, word] of text.matchAll(/\{%[-+]?\s*(for|endfor)\b/g)) {
      depth += word === 'for' ? 1 : -1;
      if (depth > MOST_NESTED_LOOPS) return 'its chat template has too many loops inside each other.';
    }
    if (/\brange\s*\(/.test(text)) return 'its chat template counts with range(), which is not supported.';
  }
  return undefined;
}

/** CLIP's text side: begin and end tokens added, cut to the model's length with the end token kept. */
export class ClipTokenizer {
  private readonly tokenizer: PreTrainedTokenizer;
  readonly padTokenId: number;

  /**
   * @param name file name for the error message.
   * @throws {ModelFileError} when the files hold no tokenizer.
   */
  constructor(
    files: TokenizerFiles,
    readonly maxLength: number,
    name = 'tokenizer.json',
  ) {
    this.tokenizer = readTokenizer(files, name);
    this.padTokenId = this.tokenizer.pad_token_id ?? 0;
  }

  /** Ids of one text, at most `maxLength`, and whether something was cut off. */
  encode(text: string): { ids: number[]; truncated: boolean } {
    const ids = this.tokenizer.encode(text);
    if (ids.length <= this.maxLength) return { ids, truncated: false };
    return { ids: [...ids.slice(0, this.maxLength - 1), ids[ids.length - 1]], truncated: true };
  }
}
