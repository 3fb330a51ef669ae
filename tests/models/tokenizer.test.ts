import { expect } from '@esm-bundle/chai';
import { InputError, ModelFileError } from '../../src/errors.ts';
import { ChatTokenizer, ClipTokenizer, type TokenizerFiles } from '../../src/models/tokenizer.ts';
import { bundledFiles, type ClipGolden, golden, type VlmGolden } from '../support/bundled.ts';
import { byteFallbackFiles } from '../support/byte-fallback.ts';
import { random } from '../support/random.ts';

const VISUAL_TOKENS = 16;

async function tokenizerFiles(id: string, kind: 'vlm' | 'clip'): Promise<TokenizerFiles> {
  const files = await bundledFiles(id, kind);
  return {
    tokenizer: files.json('tokenizer'),
    tokenizerConfig: files.json('tokenizerConfig'),
    chatTemplate: files.text('chatTemplate'),
  };
}

describe('tokenizer files', () => {
  it('that are damaged or hostile are refused with a reason', async () => {
    const files = await tokenizerFiles('toybox-vlm', 'vlm');
    const json = files.tokenizer as { model: { vocab: Record<string, number> }; added_tokens: object[] };
    const { model, added_tokens } = json;
    const withModel = (changes: object) => ({ ...json, model: { ...model, ...changes } });
    const wrong: [Partial<Record<keyof TokenizerFiles, unknown>>, string][] = [
      [{ tokenizer: null }, 'not the JSON of one'],
      [{ tokenizer: [] }, 'not the JSON of one'],
      [{ tokenizer: { ...json, model: 'BPE' } }, 'not the JSON of one'],
      [{ tokenizerConfig: 'x' }, 'not the JSON of one'],
      [{ tokenizer: { ...json, pre_tokenizer: { type: 'Nothing' } } }, 'is not a tokenizer'],
      [{ tokenizer: withModel({ vocab: { ...model.vocab, far: 4e9 } }) }, 'the number 4000000000'],
      [{ tokenizer: withModel({ vocab: { ...model.vocab, half: 0.5 } }) }, 'the number 0.5'],
      [{ tokenizer: withModel({ vocab: { ...model.vocab, none: null } }) }, 'the number null'],
      [{ tokenizer: { ...json, added_tokens: {} } }, 'added_tokens'],
      [{ tokenizer: { ...json, added_tokens: [null] } }, 'added_tokens'],
      [{ tokenizer: { ...json, added_tokens: [...added_tokens, { content: '<x>', id: -1 }] } }, 'the number -1'],
      [{ chatTemplate: 5 }, 'not text'],
      [{ chatTemplate: '{% for message in %}' }, 'cannot be rendered'],
      [{ chatTemplate: '{{ nothing.of.this }}' }, 'chat template'],
      [{ chatTemplate: 'no picture' }, 'one picture and the question'],
      [{ chatTemplate: '<image><image>{{ messages[0].content[1].text }}' }, 'one picture and the question'],
      [{ chatTemplate: '{% for i in range(1000000000) %}{% endfor %}' }, 'range()'],
      [{ chatTemplate: `${'{% for a in messages %}'.repeat(9)}${'{% endfor %}'.repeat(9)}` }, 'too many loops'],
      [{ chatTemplate: 'x'.repeat(200_000) }, 'too long'],
    ];
    for (const [changes, words] of wrong) {
      const changed = { ...files, ...changes } as TokenizerFiles;
      expect(() => ChatTokenizer.create(changed, 'toybox/tokenizer.json'), words).to.throw(ModelFileError, words);
    }
    expect(() => new ClipTokenizer({ tokenizer: {}, tokenizerConfig: {} }, 77)).to.throw(ModelFileError);
  });
});

describe('ChatTokenizer on the bundled model', () => {
  let tokenizer: ChatTokenizer;
  let files: TokenizerFiles;

  before(async () => {
    files = await tokenizerFiles('toybox-vlm', 'vlm');
    tokenizer = ChatTokenizer.create(files, 'toybox-vlm/tokenizer.json');
  });

  it('gives the ids that Hugging Face gives, for prompts and answers', async () => {
    const { cases } = await golden<VlmGolden>('vlm/golden.json');
    expect(cases.length).to.be.at.least(20);
    for (const { prompt, answer, input_ids, answer_ids } of cases) {
      expect(tokenizer.encodePrompt(prompt, VISUAL_TOKENS), prompt).to.deep.equal(input_ids);
      expect(tokenizer.encodeResponse(answer), answer).to.deep.equal(answer_ids);
    }
  });

  it('brings every text back', () => {
    for (const text of [
      'A cat.',
      'two dogs, 3 birds & 12 %',
      'naïve piñata 🎉 日本語',
      'line\nbreak  two blanks',
      '“…”',
    ]) {
      const ids = tokenizer.encodeResponse(text);
      expect(ids.at(-1)).to.equal(tokenizer.eosTokenId);
      expect(tokenizer.decode(ids)).to.equal(text);
    }
  });

  it('shows the pieces of a text, joined they are the text', () => {
    const ids = tokenizer.encodeResponse('There are three apples on the table.');
    const pieces = tokenizer.pieces(ids);
    expect(pieces.map(({ text }) => text).join('')).to.equal(' There are three apples on the table.<end_of_utterance>');
    expect(pieces.map(({ special }) => special === true).indexOf(true)).to.equal(ids.length - 1);
    expect(ids.length).to.be.below(20);
  });

  it('scores an empty answer as the end token alone', () => {
    expect(tokenizer.encodeResponse('  ')).to.deep.equal([tokenizer.eosTokenId]);
    expect(tokenizer.decode([])).to.equal('');
  });

  it('puts exactly the visual tokens between the markers', () => {
    const ids = tokenizer.encodePrompt('What?', 5);
    const first = ids.indexOf(tokenizer.imageTokenId);
    expect(ids.filter((id) => id === tokenizer.imageTokenId).length).to.equal(5);
    expect(ids.slice(first, first + 5)).to.deep.equal(new Array(5).fill(tokenizer.imageTokenId));
    expect(ids[first - 1]).to.not.equal(ids[first + 5]);
  });

  it('refuses an empty prompt, and special tokens typed by hand', () => {
    expect(() => tokenizer.encodePrompt(' \n', VISUAL_TOKENS)).to.throw(InputError, 'empty');
    expect(() => tokenizer.encodePrompt('an <image> here', VISUAL_TOKENS)).to.throw(InputError, '<image>');
    expect(() => tokenizer.encodeResponse('so<end_of_utterance>')).to.throw(InputError, 'response');
  });

  it('names a tokenizer without what it needs', () => {
    const bare = { ...files, chatTemplate: undefined, tokenizerConfig: {} };
    expect(() => ChatTokenizer.create(bare, 'x/tokenizer.json')).to.throw(ModelFileError, 'x/tokenizer.json');
    expect(() => ChatTokenizer.create({ ...files, tokenizer: {} }, 'x')).to.throw(ModelFileError);
  });
});

/** Texts of many scripts, each a way for one character to be more than one token, or more than one code point. */
const SCRIPTS = [
  'Äpfel – „süß“',
  'مرحبا بالعالم، هذه قطة',
  'שלום עולם',
  '图中有一只猫。',
  '日本語のテキスト',
  'हिन्दी में लिखा',
  'ไทย ภาษา',
  'e\u0301 a\u0308\u0323 zalgo',
  '🎉 👍🏽 👨‍👩‍👧‍👦 🇩🇪🇫🇷 ❤️',
  'A cat.',
  'line\nbreak\t tab   three blanks',
  '<b>HTML</b> & <img src=x onerror=alert(1)>',
  'a literal \uFFFD stays',
];

/** Strings mixed of all scripts, characters from anywhere in Unicode included. */
function mixtures(count: number): string[] {
  const { int } = random(7);
  const letters = SCRIPTS.flatMap((text) => [...text]);
  const anywhere = () => {
    const point = int(0x110000);
    return point >= 0xd800 && point <= 0xdfff ? 'x' : String.fromCodePoint(point);
  };
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + int(24) }, () => (int(4) === 0 ? anywhere() : letters[int(letters.length)])).join(''),
  );
}

describe('the text of tokens', () => {
  const kinds: [name: string, files: () => Promise<TokenizerFiles>][] = [
    ['byte-level BPE', () => tokenizerFiles('toybox-vlm', 'vlm')],
    ['byte fallback', async () => byteFallbackFiles()],
  ];
  for (const [name, files] of kinds) {
    describe(name, () => {
      let tokenizer: ChatTokenizer;
      before(async () => {
        tokenizer = ChatTokenizer.create(await files(), name);
      });
      const joined = (ids: readonly number[]) =>
        tokenizer
          .pieces(ids)
          .map(({ text, special }) => (special ? '' : text))
          .join('');

      it('joined is the text as it was written, in every script', () => {
        for (const text of SCRIPTS) expect(joined(tokenizer.encodeResponse(text)).trim(), text).to.equal(text.trim());
      });

      it('joined is what decoding all tokens at once gives, for mixtures of scripts and any tokens in any order', () => {
        const { int } = random(11);
        const sequences = [
          ...mixtures(400).map((text) => tokenizer.encodeResponse(text)),
          // What a model may sample: bytes that are no characters, characters that are never completed.
          ...Array.from({ length: 400 }, () => Array.from({ length: 1 + int(20) }, () => 3 + int(300))),
        ];
        for (const ids of sequences) expect(joined(ids).trim(), ids.join()).to.equal(tokenizer.decode(ids));
      });

      it('streams the same texts, with half a character held back', () => {
        for (const text of [...SCRIPTS, ...mixtures(100)]) {
          const ids = tokenizer.encodeResponse(text);
          const read = tokenizer.reader();
          const streamed = ids.map((id) => read(id));
          if (!text.endsWith('\uFFFD')) expect(streamed, text).to.deep.equal(tokenizer.pieces(ids));
          if (!text.includes('\uFFFD')) {
            for (const piece of streamed) expect(piece.text, text).to.not.include('\uFFFD');
          }
        }
      });

      it('tells the bytes of a token that holds part of a character', () => {
        const pieces = tokenizer.pieces(tokenizer.encodeResponse('猫'));
        const parts = pieces.filter(({ bytes }) => bytes !== undefined);
        expect(parts.map(({ bytes }) => bytes).join(' ')).to.equal('E7 8C AB');
        expect(
          parts
            .map(({ text }) => text)
            .join('')
            .trim(),
        ).to.equal('猫');
        expect(parts.slice(0, -1).every(({ text }) => text === '')).to.equal(true);
      });
    });
  }
});

describe('ClipTokenizer on the bundled model', () => {
  it('gives the ids that Hugging Face gives', async () => {
    const tokenizer = new ClipTokenizer(await tokenizerFiles('toybox-clip', 'clip'), 40);
    for (const { text, input_ids } of (await golden<ClipGolden>('clip/golden.json')).cases) {
      expect(tokenizer.encode(text).ids).to.deep.equal(input_ids);
    }
  });

  it('cuts a long text and keeps the end token', async () => {
    const tokenizer = new ClipTokenizer(await tokenizerFiles('toybox-clip', 'clip'), 40);
    const short = tokenizer.encode('A cat.');
    const long = tokenizer.encode('A cat and a dog. '.repeat(40));
    expect(short.truncated).to.equal(false);
    expect(long.truncated).to.equal(true);
    expect(long.ids.length).to.equal(40);
    expect(long.ids.at(-1)).to.equal(short.ids.at(-1));
    expect(long.ids[0]).to.equal(short.ids[0]);
  });
});
