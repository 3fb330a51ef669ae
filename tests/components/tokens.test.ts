import { expect } from '@esm-bundle/chai';
import type { TokenScore } from '../../src/engine/engine.ts';
import '../../src/components/responses/margin-tokens.ts';
import type { MarginTokens } from '../../src/components/responses/margin-tokens.ts';
import { spansOf } from '../../src/components/responses/spans.ts';
import { deep, deepAll, mount, press, settled, unmountAll } from '../support/mount.ts';

/** Tokens of these texts; a list stands for one character over several tokens, a `<name>` for a special one. */
function tokensOf(...parts: (string | readonly string[])[]): TokenScore[] {
  const texts = parts.flat();
  return texts.map((text, id) => ({
    id,
    text,
    ...(text === '<end_of_utterance>' && { special: true as const }),
    ...(text === '' && { bytes: 'E7 8C' }),
    logp: -(id + 1) / 4,
    entropy: 1,
    top1: 0.5,
  }));
}

const draw = (tokens: readonly TokenScore[], text = '') => mount<MarginTokens>('margin-tokens', { tokens, text });
const drawn = (element: Element) => deepAll(element, '.token').map(({ textContent }) => textContent);

describe('spans of tokens', () => {
  const texts = (...parts: string[]) => spansOf(tokensOf(...parts)).map(({ text, from, to }) => [text, from, to]);

  it('are whole characters, however many tokens and code points one has', () => {
    expect(texts('A', ' cat', '.')).to.deep.equal([
      ['A', 0, 1],
      [' cat', 1, 2],
      ['.', 2, 3],
    ]);
    expect(texts('', '', '猫', '。')).to.deep.equal([
      ['猫', 0, 3],
      ['。', 3, 4],
    ]);
    expect(texts('e', '', '\u0301', 'x')).to.deep.equal([
      ['e\u0301', 0, 3],
      ['x', 3, 4],
    ]);
    expect(texts('👩', '\u200D', '👧', '!')).to.deep.equal([
      ['👩\u200D👧', 0, 3],
      ['!', 3, 4],
    ]);
    expect(texts('🇩', '🇪', '🇫', '🇷')).to.deep.equal([
      ['🇩🇪', 0, 2],
      ['🇫🇷', 2, 4],
    ]);
  });

  it('leave out a character that is still being written, and keep special tokens apart', () => {
    expect(texts('a', '', '')).to.deep.equal([['a', 0, 1]]);
    const spans = spansOf(tokensOf('a', '<end_of_utterance>', 'b'));
    expect(spans.map(({ text, special, start }) => [text, special, start])).to.deep.equal([
      ['a', false, 0],
      ['', true, 1],
      ['b', false, 1],
    ]);
  });
});

describe('margin-tokens', () => {
  afterEach(unmountAll);

  it('draws a character of several tokens once, and its tip lists them with their sum', async () => {
    const element = await draw(tokensOf(' a', '', '', '猫', '<end_of_utterance>'), 'a猫');
    expect(drawn(element)).to.deep.equal([' a', '猫', 'end']);
    deepAll(element, '.token')[1].dispatchEvent(new PointerEvent('pointerenter'));
    await settled(element);
    const tip = deep(element, '.tip').textContent!;
    expect(tip).to.contain('猫').and.to.contain('sum of 3 tokens').and.to.contain('-2.2500');
    for (const each of ['bytes E7 8C', '-0.5000', '-0.7500', '-1.0000']) expect(tip).to.contain(each);
    expect(tip).to.not.contain('\uFFFD');
  });

  it('shows what is written where the tokens do not spell it', async () => {
    const element = await draw(tokensOf('\uFFFD', '\uFFFD'), 'ä');
    expect(deep(element, '.tokens').textContent).to.equal('ä');
  });

  it('reads from the right where the text does, arrow keys too', async () => {
    const element = await draw(tokensOf('مرحبا', ' بك'), 'مرحبا بك');
    const group = deep(element, '[role="group"]');
    expect(getComputedStyle(group).direction).to.equal('rtl');
    const [first, second] = deepAll(element, '.token').map((each) => each.getBoundingClientRect());
    expect(second.right).to.be.at.most(first.left + 1);
    press('ArrowLeft', group);
    press('ArrowLeft', group);
    await settled(element);
    expect(deep(element, '.token.pointed').textContent).to.equal(' بك');
  });

  it('takes a token that looks like markup for text', async () => {
    const element = await draw(tokensOf('<b>', '<img src=x onerror=alert(1)>'), '<b><img src=x onerror=alert(1)>');
    expect(drawn(element)).to.deep.equal(['<b>', '<img src=x onerror=alert(1)>']);
    expect(deepAll(element, 'img, b')).to.have.length(0);
  });
});
