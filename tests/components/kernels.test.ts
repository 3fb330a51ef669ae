import { expect } from '@esm-bundle/chai';
import '../../src/components/kernels/margin-kernels.ts';
import { highlightLine } from '../../src/components/kernels/highlight.ts';
import { durationText, type MarginKernels } from '../../src/components/kernels/margin-kernels.ts';
import { allKernels } from '../../src/kernels/index.ts';
import { makeApp } from '../support/app.ts';
import { expectAccessible } from '../support/axe.ts';
import { button, deep, deepAll, mount, settled, type, unmountAll } from '../support/mount.ts';

describe('kernel viewer', () => {
  afterEach(unmountAll);

  it('shows source beside shapes, bindings and time', async () => {
    const element = await mount<MarginKernels>('margin-kernels', { app: await makeApp() });
    const text = deep(element, '.facts').textContent!;
    expect(text).to.contain('rms-norm').and.to.contain('42 µs').and.to.contain('[7, 64]').and.to.contain('7 × 1 × 1');
    expect(deepAll(element, 'margin-wgsl ol li, ol li').length).to.equal(2);
    expect(deep(element, '.comment').textContent).to.equal('// y = x / rms(x) * w');
    await expectAccessible(element);
  });

  it('filters, and says so when the engine does not answer', async () => {
    const app = await makeApp();
    const element = await mount<MarginKernels>('margin-kernels', { app });
    type(deep<HTMLInputElement>(element, 'input[type="search"]'), 'nothing like it');
    await settled(element);
    expect(deepAll(element, 'nav li')).to.have.length(0);
    app.engine.kernels = () => Promise.reject(new Error('The engine is gone.'));
    button(element, 'Refresh shapes and times').click();
    await settled(element);
    expect(deep(element, '[role="alert"]').textContent).to.contain('The engine is gone.');
    expect(button(element, 'Ask again').disabled).to.equal(false);
  });

  it('says durations in the unit people read', () => {
    expect(durationText(undefined)).to.equal('not measured');
    expect(durationText(42.4)).to.equal('42 µs');
    expect(durationText(1234)).to.equal('1.23 ms');
  });
});

describe('WGSL highlighting', () => {
  it('tells kinds apart', () => {
    const kinds = highlightLine('@group(0) let x: vec4<f32> = max(1.5, 0x1fu); // why').filter(
      ({ kind }) => kind !== 'plain',
    );
    expect(kinds.map(({ kind, text }) => `${kind}:${text}`)).to.deep.equal([
      'attribute:@group',
      'number:0',
      'keyword:let',
      'type:vec4',
      'type:f32',
      'call:max',
      'number:1.5',
      'number:0x1fu',
      'comment:// why',
    ]);
  });

  it('reads TypeScript too', () => {
    const line = "  return pairValue(softplus(-z), 2.5, 'it\\'s'); // why";
    const tokens = highlightLine(line, 'ts');
    expect(tokens.map(({ text }) => text).join('')).to.equal(line);
    expect(tokens.filter(({ kind }) => kind !== 'plain').map(({ kind, text }) => `${kind}:${text}`)).to.deep.equal([
      'keyword:return',
      'call:pairValue',
      'call:softplus',
      'number:2.5',
      "string:'it\\'s'",
      'comment:// why',
    ]);
    expect(highlightLine('   * const x', 'ts')).to.deep.equal([{ kind: 'comment', text: '   * const x' }]);
  });

  it('never changes a line of any kernel', () => {
    for (const { files } of allKernels) {
      for (const { code } of files) {
        for (const line of code.split('\n')) {
          expect(
            highlightLine(line)
              .map(({ text }) => text)
              .join(''),
          ).to.equal(line);
        }
      }
    }
  });
});
