/** A tensor's name fits. */
const LONGEST = 160;

/**
 * A value that came from a file, as it stands in a message: JSON, cut to a length people read. Never throws, whatever
 * the value is.
 */
export function jsonExcerpt(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(typeof value === 'string' ? value.slice(0, LONGEST) : value) ?? String(value);
  } catch {
    // Nested deeper than the stack, or a BigInt.
    text = `a ${typeof value}`;
  }
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
