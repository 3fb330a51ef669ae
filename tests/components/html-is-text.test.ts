import { expect } from '@esm-bundle/chai';
import '../../src/components/app/margin-app.ts';
import type { MarginApp } from '../../src/components/app/margin-app.ts';
import { parseMarkdown } from '../../src/components/gallery/markdown.ts';
import { renderBlock } from '../../src/components/gallery/render-markdown.ts';
import '../../src/components/objective/margin-formula.ts';
import { render } from 'lit';
import type { MarginFormula } from '../../src/components/objective/margin-formula.ts';
import { makeApp, plainPicture, stateWhere } from '../support/app.ts';
import { deepAll, frames, mount, settled, unmountAll } from '../support/mount.ts';

const HTML = '<img src=x onerror="window.pwned=1"><b>bold</b><script>window.pwned=1</script>';

/** Elements that only markup taken for markup could have made. */
const made = (root: Element | Document): string[] =>
  deepAll(root, 'b, script, img[onerror], [onerror], iframe, a[href^="javascript:"]').map(({ outerHTML }) => outerHTML);
const pwned = () => (window as unknown as { pwned?: number }).pwned;

describe('HTML in what people and files bring', () => {
  afterEach(unmountAll);

  it('is text: file name, prompt, answers, pairs, notices, adapter, errors', async () => {
    const app = await makeApp();
    app.intents.setSetting('prompt', HTML);
    app.engine.answers = [HTML, `${HTML} and more`];
    await app.intents.addImages([await plainPicture([9, 9, 9], `${HTML}.png`)]);
    await app.intents.sample({ settings: { n: 2 } });
    const [first, second] = app.store.state.candidates;
    app.intents.markChosen(first.id);
    app.intents.markRejected(second.id);
    app.intents.addPair();
    app.intents.notify('error', HTML);
    app.intents.setTraining({ max_steps: 1, eval_scenes: 0, kl_answers: 0 });
    await app.intents.train();
    await app.intents.compare();
    await app.intents.importAdapter(new File([await app.engine.adapter.export()], `${HTML}.zip`));
    await stateWhere(app, ({ pairs, adapter }) => pairs[0].scoredBy?.adapter === adapter?.key, 'scores');
    app.store.update((state) => ({
      ...state,
      pairs: [...state.pairs, { ...state.pairs[0], id: 'bad', scores: undefined, error: HTML }],
    }));
    const element = await mount<MarginApp>('margin-app', { app });
    for (const view of ['Before / after', 'Runs', 'Held-out', 'Settings', 'Curves']) {
      app.intents.setBottom('training');
      await settled(element);
      deepAll<HTMLButtonElement>(element, 'margin-training button')
        .find((each) => each.textContent!.includes(view))
        ?.click();
      await frames(element, 2);
      expect(made(element), view).to.deep.equal([]);
    }
    app.intents.setBottom('pairs');
    for (const overlay of ['explorer', 'gallery', 'kernels', 'about', 'engine', 'shortcuts'] as const) {
      app.intents.openOverlay(overlay);
      await frames(element, 2);
      // The overlays' own emphasis is written as <strong>.
      expect(made(element), overlay).to.deep.equal([]);
    }
    app.intents.closeOverlay();
    await settled(element);
    expect(element.shadowRoot!.querySelector('margin-responses')!.shadowRoot!.innerHTML).to.not.equal('');
    expect(deepAll(element, 'margin-tokens')[0].shadowRoot!.textContent).to.contain('<b>bold</b>');
    expect(pwned()).to.equal(undefined);
    app.dispose();
  });

  it('is text on the Markdown pages', async () => {
    const place = document.createElement('div');
    document.body.append(place);
    for (const page of [
      HTML,
      `# ${HTML}`,
      `- ${HTML}`,
      `| a | b |\n|---|---|\n| ${HTML} | \`${HTML}\` |`,
      `[x](javascript:alert(1)) [${HTML}](https://example.com/"onmouseover="x)`,
      `$${HTML}$`,
      `$$\n${HTML}\n$$`,
    ]) {
      render(parseMarkdown(page).map(renderBlock), place);
      await new Promise((resolve) => setTimeout(resolve));
      expect(made(place), page).to.deep.equal([]);
    }
    place.remove();
    expect(pwned()).to.equal(undefined);
  });

  it('is text in formulas, whatever KaTeX can do beside mathematics', async () => {
    for (const tex of [
      HTML,
      `\\text{${HTML}}`,
      '\\href{javascript:alert(1)}{x}',
      '\\htmlData{onerror=1}{x}',
      '\\includegraphics{x}',
      '\\unknown{<b>}',
    ]) {
      const element = await mount<MarginFormula>('margin-formula', { tex });
      expect(made(element), tex).to.deep.equal([]);
      expect(deepAll(element, 'img'), tex).to.have.length(0);
    }
    expect(pwned()).to.equal(undefined);
  });
});
