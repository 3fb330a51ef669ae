import { expect } from '@esm-bundle/chai';
import { createTokenizer } from '../../src/models/hub.ts';

const json = async (path: string) => (await fetch(new URL(`../../${path}`, import.meta.url))).json();

describe('the bundled tokenizer', () => {
  it('gives the ids that Python gives on a thousand strings', async () => {
    const tokenizer = createTokenizer(
      await json('models/toybox-vlm/tokenizer.json'),
      await json('models/toybox-vlm/tokenizer_config.json'),
    );
    const { cases } = (await json('tests/golden/tokenizer/golden.json')) as { cases: [string, number[]][] };
    expect(cases).to.have.length(1000);
    for (const [text, ids] of cases) {
      expect(tokenizer.encode(text, { add_special_tokens: false }), JSON.stringify(text)).to.deep.equal(ids);
    }
  });

  it('wraps texts for CLIP in start and end tokens', async () => {
    const tokenizer = createTokenizer(
      await json('models/toybox-clip/tokenizer.json'),
      await json('models/toybox-clip/tokenizer_config.json'),
    );
    const { cases } = (await json('tests/golden/clip/golden.json')) as {
      cases: { text: string; input_ids: number[] }[];
    };
    for (const { text, input_ids } of cases) {
      if (input_ids.length < 40) expect(tokenizer.encode(text)).to.deep.equal(input_ids);
    }
  });
});
