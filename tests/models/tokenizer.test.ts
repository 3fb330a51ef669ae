import { expect } from '@esm-bundle/chai';
import { InputError, ModelFileError } from '../../src/errors.ts';
import { ChatTokenizer, ClipTokenizer, type TokenizerFiles } from '../../src/models/tokenizer.ts';
import { bundledFiles, type ClipGolden, golden, type VlmGolden } from '../support/bundled.ts';

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
      [{ tokenizer: withModel({ type: 'Nothing' }) }, 'toybox/tokenizer.json'],
      [{ tokenizer: withModel({ vocab: { ...model.vocab, far: 4e9 } }) }, 'the number 4000000000'],
      [{ tokenizer: withModel({ vocab: { ...model.vocab, half: 0.5 } }) }, 'the number 0.5'],
      [{ tokenizer: withModel({ vocab: { ...model.vocab, none: null } }) }, 'the number null'],
      [{ tokenizer: { ...json, added_tokens: {} } }, 'added_tokens'],
      [{ tokenizer: { ...json, added_tokens: [null] } }, 'added_tokens'],
      [{ tokenizer: { ...json, added_tokens: [...added_tokens, { content: '<x>', id: -1 }] } }, 'the number -1'],
      [{ chatTemplate: 5 }, 'no text'],
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
    const text = ids.map((id) => tokenizer.piece(id)).join('');
    expect(text).to.equal(' There are three apples on the table.<end_of_utterance>');
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
