/**
 * The Markdown of `loss.md`, and no more of it than those pages use: headings, paragraphs, lists, tables, display
 * formulas; within a line formulas, code, emphasis and links. What it does not know stays text, and a test over all
 * pages finds it there.
 */

export type Inline =
  | { readonly kind: 'text' | 'code' | 'math'; readonly text: string }
  | { readonly kind: 'em' | 'strong'; readonly content: readonly Inline[] }
  | { readonly kind: 'link'; readonly href: string; readonly content: readonly Inline[] };

export type Block =
  | { readonly kind: 'heading'; readonly level: 1 | 2; readonly content: readonly Inline[] }
  | { readonly kind: 'paragraph'; readonly content: readonly Inline[] }
  | { readonly kind: 'math'; readonly tex: string }
  | { readonly kind: 'list'; readonly items: readonly (readonly Inline[])[] }
  | {
      readonly kind: 'table';
      readonly head: readonly (readonly Inline[])[];
      readonly rows: readonly (readonly (readonly Inline[])[])[];
    };

/** A character after a backslash stands for itself. */
const MARK = new RegExp(
  [
    /\$(?<math>[^$]+)\$/,
    /`(?<code>[^`]+)`/,
    /\*\*(?<strong>(?:[^*\\]|\\.|\*(?!\*))+)\*\*/,
    /\*(?<em>(?:[^*\\]|\\.)+)\*/,
    /\[(?<words>[^\]]+)\]\((?<href>https:\/\/[^)\s]+)\)/,
    /\\(?<escaped>[*_`$[\]\\])/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'g',
);

/** One line, or several joined, as text with its marks. */
export function parseInline(text: string): Inline[] {
  const found: Inline[] = [];
  let end = 0;
  const plain = (part: string) => {
    if (part) found.push({ kind: 'text', text: part });
  };
  for (const match of text.matchAll(MARK)) {
    plain(text.slice(end, match.index));
    end = match.index + match[0].length;
    const { math, code, strong, em, words, href, escaped } = match.groups!;
    if (math !== undefined) found.push({ kind: 'math', text: math });
    else if (code !== undefined) found.push({ kind: 'code', text: code });
    else if (strong !== undefined) found.push({ kind: 'strong', content: parseInline(strong) });
    else if (em !== undefined) found.push({ kind: 'em', content: parseInline(em) });
    else if (words !== undefined) found.push({ kind: 'link', href, content: parseInline(words) });
    else plain(escaped);
  }
  plain(text.slice(end));
  return found;
}

/** A table's line as its cells. */
const cells = (line: string) =>
  line
    .trim()
    .replace(/^\||\|$/g, '')
    .split('|')
    .map((cell) => parseInline(cell.trim()));

/** A whole page as blocks, in order. Blocks are separated by empty lines. */
export function parseMarkdown(text: string): Block[] {
  return text
    .replaceAll('\r', '')
    .split(/\n{2,}/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(parseBlock);
}

function parseBlock(part: string): Block {
  const heading = part.match(/^(#{1,2}) (.+)$/);
  if (heading) {
    return { kind: 'heading', level: heading[1].length as 1 | 2, content: parseInline(heading[2]) };
  }
  const math = part.match(/^\$\$\s*([\s\S]+?)\s*\$\$$/);
  if (math) return { kind: 'math', tex: math[1] };
  const lines = part.split('\n');
  if (lines.length > 2 && lines.every((line) => line.startsWith('|')) && /^[|\s:-]+$/.test(lines[1])) {
    return { kind: 'table', head: cells(lines[0]), rows: lines.slice(2).map(cells) };
  }
  if (lines.every((line) => /^(?:- | {2})/.test(line))) {
    const items = part.split(/\n(?=- )/).map((item) => item.slice(2).replace(/\s*\n\s*/g, ' '));
    return { kind: 'list', items: items.map(parseInline) };
  }
  return { kind: 'paragraph', content: parseInline(lines.join(' ')) };
}
