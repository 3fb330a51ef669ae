/** An answer's tokens as people read them: whole characters, none of them cut where a token ends. */
import type { TokenScore } from '../../engine/engine.ts';

/** One or more tokens that are drawn together. */
export interface TokenSpan {
  /** Where its tokens begin and end in the answer's list. */
  readonly from: number;
  readonly to: number;
  /** '' for a special token, which stands for no text. */
  readonly text: string;
  readonly special: boolean;
  /** Where its text begins in the joined texts, in UTF-16 units. */
  readonly start: number;
}

const characters = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** End-of-utterance had no mark of its own in answers that earlier versions stored. */
const isSpecial = ({ special, text }: TokenScore): boolean => special === true || text === '<end_of_utterance>';

/** The text of an answer's tokens, special ones left out. */
export const joinedText = (tokens: readonly TokenScore[]): string =>
  tokens.map((token) => (isSpecial(token) ? '' : token.text)).join('');

/** Where characters end in a text: accents, joined emoji and flags are one character of several code points. */
function endsOf(text: string): ReadonlySet<number> {
  const ends = new Set<number>();
  for (const { index, segment } of characters.segment(text)) ends.add(index + segment.length);
  return ends;
}

/**
 * Spans in order: a token of whole characters stands alone, tokens that share a character stand together. Tokens of a
 * character that is still being written stand in none.
 */
export function spansOf(tokens: readonly TokenScore[]): TokenSpan[] {
  const ends = endsOf(joinedText(tokens));
  const spans: TokenSpan[] = [];
  let from = 0;
  let start = 0;
  let text = '';
  const close = (to: number) => {
    if (text !== '') spans.push({ from, to, text, special: false, start });
    start += text.length;
    text = '';
    from = to;
  };
  for (const [i, token] of tokens.entries()) {
    if (isSpecial(token)) {
      close(i);
      spans.push({ from: i, to: i + 1, text: '', special: true, start });
      from = i + 1;
      continue;
    }
    text += token.text;
    if (token.text !== '' && ends.has(start + text.length)) close(i + 1);
  }
  close(tokens.length);
  return spans;
}
