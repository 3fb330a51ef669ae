/**
 * The text of an answer, token by token. A token need not be text: byte-level BPE and byte fallback (`<0xE4>`) spread one
 * character over several tokens. Its last token carries the character, those before it carry nothing.
 */

/** What stands where bytes are no character, or not yet one. */
const REPLACEMENT = '\uFFFD';
const UNFINISHED = /\uFFFD+$/;

/** Reads tokens one by one; the texts it gives, joined, are what decoding all of them at once gives. */
export class TextReader {
  /** Tokens since the last place where no character was unfinished, one before it included: decoders look at neighbours. */
  private window: number[] = [];
  /** How much of the window's text has been given. */
  private given = 0;

  /** @param decode tokens to text, unfinished characters as U+FFFD. */
  constructor(private readonly decode: (ids: readonly number[]) => string) {}

  /** The text that this token completes: '' while its character is unfinished. */
  push(id: number): string {
    this.window.push(id);
    const text = this.decode(this.window);
    const whole = text.replace(UNFINISHED, '');
    const piece = whole.slice(this.given);
    this.given = Math.max(this.given, whole.length);
    if (whole === text) this.forget(id);
    return piece;
  }

  /** What is left at the end: the bytes of a character that never was completed, as U+FFFD. */
  end(): string {
    return this.window.length > 0 ? this.decode(this.window).slice(this.given) : '';
  }

  /** Keeps the last token alone for context, unless it is the end of a character and means nothing by itself. */
  private forget(id: number): void {
    const alone = this.decode([id]);
    if (alone.includes(REPLACEMENT)) return;
    this.window = [id];
    this.given = alone.length;
  }
}

/** The printable character that stands for each byte in byte-level vocabularies (GPT-2), in the order of the bytes. */
const BYTE_LETTERS = (() => {
  const printable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++));
})();
const BYTE_OF = new Map(BYTE_LETTERS.map((letter, byte) => [letter, byte]));

/** The bytes of a vocabulary entry in hex, "E4 B8"; undefined where the entry is no bytes. */
export function bytesOf(entry: string): string | undefined {
  const fallback = entry.match(/^<0x([0-9A-F]{2})>$/);
  if (fallback) return fallback[1];
  const bytes = Array.from(entry, (letter) => BYTE_OF.get(letter));
  if (bytes.includes(undefined)) return undefined;
  return bytes.map((byte) => byte!.toString(16).toUpperCase().padStart(2, '0')).join(' ');
}
