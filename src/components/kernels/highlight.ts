/** Small tokenizers for reading WGSL and TypeScript: comments, keywords, types, numbers. They colour and never rewrite. */

export type TokenKind = 'comment' | 'attribute' | 'keyword' | 'type' | 'string' | 'number' | 'call' | 'plain';
export type Language = 'wgsl' | 'ts';

export interface CodeToken {
  readonly kind: TokenKind;
  readonly text: string;
}

const KEYWORDS =
  'alias|break|case|const|const_assert|continue|continuing|default|diagnostic|discard|else|enable|false|fn|for|if|let|loop|override|requires|return|struct|switch|true|var|while';
const TYPES =
  'array|atomic|bool|f16|f32|i32|u32|ptr|vec[234](?:[fihu])?|mat[234]x[234](?:[fh])?|sampler|texture_\\w+|function|private|workgroup|uniform|storage|read|read_write|write';

const WGSL = new RegExp(
  [
    '(?<comment>//[^\\n]*)',
    '(?<attribute>@\\w+)',
    `(?<keyword>\\b(?:${KEYWORDS})\\b)`,
    `(?<type>\\b(?:${TYPES})\\b)`,
    '(?<number>\\b(?:0x[0-9a-fA-F]+[iu]?|\\d+\\.?\\d*(?:e[+-]?\\d+)?[fhiu]?)\\b|\\.\\d+[fh]?)',
    '(?<call>\\b[A-Za-z_]\\w*(?=\\())',
  ].join('|'),
  'g',
);

const TS_KEYWORDS =
  'as|async|await|break|case|class|const|continue|default|else|export|extends|false|for|from|function|if|implements|import|in|instanceof|interface|keyof|let|new|null|of|readonly|return|satisfies|switch|this|throw|true|type|typeof|undefined|while';

/** A line within a block comment begins with a star, as everywhere in this project. */
const TS = new RegExp(
  [
    '(?<comment>^\\s*/?\\*.*|//[^\\n]*|/\\*.*?\\*/)',
    "(?<string>'(?:[^'\\\\]|\\\\.)*'|`(?:[^`\\\\]|\\\\.)*`)",
    `(?<keyword>\\b(?:${TS_KEYWORDS})\\b)`,
    '(?<type>\\b(?:boolean|number|string|void|unknown|never|[A-Z]\\w*[a-z]\\w*)\\b)',
    '(?<number>\\b\\d[\\d_]*\\.?\\d*(?:e[+-]?\\d+)?\\b)',
    '(?<call>\\b[A-Za-z_]\\w*(?=\\())',
  ].join('|'),
  'g',
);

/** One line as tokens; joining their texts gives the line back. */
export function highlightLine(line: string, language: Language = 'wgsl'): CodeToken[] {
  const tokens: CodeToken[] = [];
  let end = 0;
  for (const match of line.matchAll(language === 'ts' ? TS : WGSL)) {
    if (match.index > end) tokens.push({ kind: 'plain', text: line.slice(end, match.index) });
    const kind = Object.entries(match.groups!).find(([, text]) => text !== undefined)![0] as TokenKind;
    tokens.push({ kind, text: match[0] });
    end = match.index + match[0].length;
  }
  if (end < line.length) tokens.push({ kind: 'plain', text: line.slice(end) });
  return tokens;
}
