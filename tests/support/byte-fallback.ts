/** A tokenizer as Llama's: sentencepiece blanks (`▁`), a few words, and bytes (`<0xE4>`) for everything else. */
import type { TokenizerFiles } from '../../src/models/tokenizer.ts';

const SPECIAL = ['<unk>', '<image>', '<end_of_utterance>'];
const BYTES = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
const LETTERS = [...'▁abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,ü'];
const MERGES = ['▁ a', 'c a', 'ca t', '▁ cat', 't h', 'th e', '▁ the'];

export function byteFallbackFiles(): TokenizerFiles {
  const entries = [...SPECIAL, ...BYTES, ...LETTERS, ...MERGES.map((merge) => merge.replace(' ', ''))];
  return {
    tokenizer: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: SPECIAL.map((content, id) => ({
        id,
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      })),
      normalizer: {
        type: 'Sequence',
        normalizers: [
          { type: 'Prepend', prepend: '▁' },
          { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
        ],
      },
      pre_tokenizer: null,
      post_processor: null,
      decoder: {
        type: 'Sequence',
        decoders: [
          { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
          { type: 'ByteFallback' },
          { type: 'Fuse' },
          { type: 'Strip', content: ' ', start: 1, stop: 0 },
        ],
      },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: '<unk>',
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: true,
        byte_fallback: true,
        vocab: Object.fromEntries(entries.map((entry, id) => [entry, id])),
        merges: MERGES,
      },
    },
    tokenizerConfig: { eos_token: '<end_of_utterance>', unk_token: '<unk>' },
    chatTemplate:
      "{% for message in messages %}{{ message.role }}:{% for part in message.content %}{% if part.type == 'image' %}<image>{% else %}{{ part.text }}{% endif %}{% endfor %}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}",
  };
}
