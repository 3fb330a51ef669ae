import { expect } from '@esm-bundle/chai';
import '../../src/components/gallery/margin-gallery.ts';
import { entries, matches, NEEDS, type Need, NO_FILTER } from '../../src/components/gallery/entries.ts';
import { loadLossFolder } from '../../src/components/gallery/loss-folder.ts';
import type { MarginGallery } from '../../src/components/gallery/margin-gallery.ts';
import type { MarginLossPage } from '../../src/components/gallery/margin-loss-page.ts';
import { type Inline, parseInline, parseMarkdown } from '../../src/components/gallery/markdown.ts';
import { pictureOf } from '../../src/components/gallery/pictures.ts';
import { everyLoss, taggedLoss } from '../../src/kernels/losses/families/every.ts';
import { PROBLEMS, type Problem } from '../../src/kernels/losses/problems.ts';
import { hyperparameterValues } from '../../src/state/objectives.ts';
import { decodeView, encodeLink } from '../../src/state/persistence/link.ts';
import { makeApp, type TestApp } from '../support/app.ts';
import { expectAccessible } from '../support/axe.ts';
import { button, deep, deepAll, mount, settled, type, unmountAll } from '../support/mount.ts';

/** Greek letters of the formulas, and as the knobs write them. */
const LETTERS = {
  alpha: 'α',
  beta: 'β',
  gamma: 'γ',
  delta: 'δ',
  varepsilon: 'ε',
  lambda: 'λ',
  mu: 'μ',
  omega: 'ω',
  rho: 'ρ',
  sigma: 'σ',
  tau: 'τ',
  varphi: 'φ',
} as const;

const open = async (app: TestApp): Promise<MarginGallery> => {
  const element = await mount<MarginGallery>('margin-gallery', { app });
  element.style.height = '700px';
  return element;
};

const shown = (element: MarginGallery): string[] => deepAll(element, 'li[data-id]').map((card) => card.dataset.id!);

const lines = (element: Element): (string | null)[] =>
  deepAll(element, 'polyline').map((line) => line.getAttribute('points'));

/** The page of the loss that the state asks for, with its text drawn. */
const pageIn = async (element: MarginGallery): Promise<MarginLossPage> => {
  await settled(element);
  const page = deep<MarginLossPage>(element, 'margin-loss-page');
  await page.load(page.tagged.loss.id);
  await settled(page);
  return page;
};

describe('gallery', () => {
  afterEach(unmountAll);

  it('shows every loss of every family with a paper, a summary and a line', async () => {
    const element = await open(await makeApp());
    expect(shown(element)).to.have.members(everyLoss.map(({ loss }) => loss.id));
    for (const card of deepAll(element, 'li[data-id]')) {
      const { loss } = taggedLoss(card.dataset.id!)!;
      expect(card.textContent, loss.id).to.contain(loss.summary);
      const link = deep<HTMLAnchorElement>(card, 'a');
      if (loss.paper.arxiv) expect(link.href).to.equal(`https://arxiv.org/abs/${loss.paper.arxiv}`);
      else expect(link.hasAttribute('href'), loss.id).to.equal(false);
      for (const line of deepAll<SVGPolylineElement & HTMLElement>(card, 'polyline')) {
        expect(line.getAttribute('points'), loss.id).to.match(/^(-?[\d.]+,-?[\d.]+ ?){20,}$/);
      }
      expect(deepAll(card, 'polyline').length, loss.id).to.be.greaterThan(0);
    }
    await expectAccessible(element);
  });

  it('draws with the knobs of the page', async () => {
    const app = await makeApp();
    const element = await open(app);
    for (const [id, key, value] of [
      ['dpo_sigmoid', 'beta', 0.7],
      ['grpo', 'epsilon', 0.6],
    ] as const) {
      const card = deep(element, `li[data-id="${id}"]`);
      const before = lines(card);
      app.intents.setHyperparameter(id, key, value);
      await settled(element);
      expect(lines(card), id).not.to.deep.equal(before);
    }
  });

  it('filters by text, problem and need, and says how many are left', async () => {
    const app = await makeApp();
    const element = await open(app);
    const search = deep<HTMLInputElement>(element, 'input[type="search"]');
    type(search, 'park 2403.19159'); // authors are not on the cards
    await settled(element);
    expect(shown(element)).to.deep.equal([]);
    button(element, 'Show all').click();
    await settled(element);
    type(search, '2403.19159');
    await settled(element);
    expect(shown(element)).to.deep.equal(['r_dpo']);
    expect(deep(element, '.tools [role="status"]').textContent).to.equal(`1 of ${everyLoss.length}`);
    type(search, '');
    type(deep<HTMLSelectElement>(element, 'select[aria-label="Problem it answers"]'), 'length-bias', 'change');
    await settled(element);
    expect(shown(element)).to.include.members(['simpo', 'r_dpo', 'ld_dpo', 'dr_grpo']).and.not.include('dpo_sigmoid');
    expect(deep(element, '.says').textContent).to.contain('because they are long');
    type(deep<HTMLSelectElement>(element, 'select[aria-label="What it needs"]'), 'none:reference', 'change');
    await settled(element);
    expect(shown(element)).to.include('simpo').and.not.include('r_dpo');
    await expectAccessible(element);
  });

  it('puts an objective to use', async () => {
    const app = await makeApp();
    app.intents.openGallery();
    const element = await open(app);
    button(element, 'Use SimPO').click();
    await settled(element);
    expect(app.store.state.settings.objective).to.equal('simpo');
    expect(app.store.state.view).to.include({ overlay: 'none', tab: 'objective' });
    expect(deep(element, 'li.present').dataset.id).to.equal('simpo');
  });

  it('has something for every need and every problem', () => {
    for (const need of Object.keys(NEEDS) as Need[]) {
      expect(entries.filter((entry) => matches(entry, { ...NO_FILTER, need })).length, need).to.be.greaterThan(0);
    }
    for (const problem of Object.keys(PROBLEMS) as Problem[]) {
      expect(entries.filter((entry) => matches(entry, { ...NO_FILTER, problem })).length, problem).to.be.greaterThan(0);
    }
    for (const { loss } of everyLoss) expect(loss.problems, loss.id).not.to.have.length(0);
  });

  it('draws finite lines at both ends of every slider', () => {
    for (const tagged of everyLoss) {
      const initial = Object.fromEntries(tagged.loss.hyperparameters.map((each) => [each.key, each.default]));
      for (const knob of tagged.loss.hyperparameters) {
        for (const value of [knob.min, knob.max]) {
          const values = { ...initial, [knob.key]: value };
          if (knob.refuse?.(value, values)) continue;
          const { lines } = pictureOf(tagged, values);
          const what = `${tagged.loss.id}, ${knob.key} = ${value}`;
          expect(lines.length, what).to.be.greaterThan(0);
          for (const { points } of lines) expect(points.length, what).to.be.greaterThan(10);
        }
      }
    }
  });
});

describe('page of a loss', () => {
  afterEach(unmountAll);

  it('opens from its card, beside its sources, and leads back', async () => {
    const app = await makeApp();
    app.intents.openGallery();
    const element = await open(app);
    button(element, 'SimPO').click();
    const page = await pageIn(element);
    expect(app.store.state.view.loss).to.equal('simpo');
    expect(deep(page, 'h3').textContent).to.contain('SimPO');
    expect(deep(deep(page, 'margin-wgsl'), 'figcaption').textContent).to.equal('src/kernels/losses/simpo/loss.wgsl');
    button(page, 'loss.ts').click();
    await settled(page);
    expect(deep(deep(page, 'margin-wgsl'), 'figcaption').textContent).to.equal('src/kernels/losses/simpo/loss.ts');
    expect(deep(deep(page, 'margin-wgsl'), 'pre').textContent).to.contain('defineObjective');
    await expectAccessible(page);
    button(page, 'Length bias').click();
    await settled(element);
    expect(app.store.state.view.loss).to.equal(null);
    expect(shown(element)).to.include('r_dpo').and.not.include('dpo_sigmoid');
  });

  it('turns the knobs of any family and redraws', async () => {
    const app = await makeApp();
    app.intents.openGallery('kto');
    const page = await pageIn(await open(app));
    const before = lines(page);
    type(deep<HTMLInputElement>(page, 'input[aria-label="λ_D lambda D, value"]'), '3', 'change');
    await settled(page);
    expect(app.store.state.settings.hyperparameters.kto).to.deep.equal({ desirable_weight: 3 });
    expect(lines(page)).not.to.deep.equal(before);
    expect(hyperparameterValues(app.store.state.settings, page.tagged.loss).desirable_weight).to.equal(3);
  });

  it('says so when a page cannot be loaded', async () => {
    const page = await mount<MarginLossPage>('margin-loss-page', {
      app: await makeApp(),
      tagged: everyLoss[0],
    });
    await page.load('no_such_loss');
    await settled(page);
    expect(deep(page, '[role="alert"]').textContent).to.contain('could not be loaded');
    button(page, 'Try again').click();
    await page.load(everyLoss[0].loss.id);
    await settled(page);
    expect(deep(page, 'h3').textContent).to.contain('DPO');
  });

  it('is reached by a link', async () => {
    const app = await makeApp();
    app.intents.openGallery('orpo');
    const link = new URL(app.intents.link());
    expect(decodeView(link.hash)).to.deep.equal({ overlay: 'gallery', loss: 'orpo' });
    expect(decodeView('#gallery=')).to.deep.equal({ overlay: 'gallery', loss: null });
    expect(decodeView('#gallery=nonsense')).to.equal(null);
    expect(decodeView('#objective=orpo')).to.equal(null);
    await app.flush();
    const again = await makeApp({ backend: app.backend });
    expect(again.store.state.view).to.include({ overlay: 'gallery', loss: 'orpo' });
    again.intents.closeOverlay();
    expect(encodeLink(again.store.state.settings, again.store.state.view)).not.to.contain('gallery');
  });

  it('renders for every loss, with nothing left over', async () => {
    const app = await makeApp();
    // Hidden: what is read here needs no layout, and formulas are slow to lay out.
    const page = await mount<MarginLossPage>('margin-loss-page', { app, tagged: everyLoss[0], hidden: true });
    for (const tagged of everyLoss) {
      const { id, wgsl, hyperparameters } = tagged.loss;
      page.tagged = tagged;
      await page.load(id);
      const { path, text, sources } = await loadLossFolder(id);
      expect(path, id).to.equal(`src/kernels/losses/${id}/loss.md`);
      expect(sources[0].path, id).to.equal(wgsl.path.replace('.wgsl', '.ts'));
      const kinds = parseMarkdown(text).map(({ kind }) => kind);
      for (const kind of ['heading', 'paragraph', 'math', 'table', 'list'] as const) {
        if (kind === 'list' || kinds.includes(kind)) continue;
        expect.fail(`${id}: no ${kind}`);
      }
      const explained = parseMarkdown(text).filter(({ kind }) => kind === 'table' || kind === 'list');
      const formula = parseMarkdown(text).flatMap((block) => (block.kind === 'math' ? block.tex : []))[0];
      for (const [name, letter] of Object.entries(LETTERS)) {
        if (!new RegExp(`\\\\${name}(?![a-z])`).test(formula)) continue;
        const found = JSON.stringify(explained);
        expect(found.includes(letter) || found.includes(`\\${name}`), `${id}: ${name} is not explained`).to.equal(true);
      }
      const prose = [...page.renderRoot.querySelectorAll('.text > :is(p, ul, table, h3, h4)')];
      const words = prose.map((element) => element.textContent).join('\n');
      expect(words, id).not.to.match(/\$|\*\*|\]\(|\\[a-z]|^\||^#|^-\s/m);
      expect(deepAll(page, '.katex-error'), id).to.have.length(0);
      expect(
        deepAll(page, '.text h4').map((heading) => heading.textContent),
        id,
      ).to.deep.equal(['The loss', 'The knobs', 'When it fails', 'Paper']);
      expect(deepAll(deep(page, 'margin-knobs'), 'input[type="range"]'), id).to.have.length(hyperparameters.length);
    }
  });
});

describe('markdown of the pages', () => {
  const text = (inlines: readonly Inline[]): string =>
    inlines.map((part) => ('text' in part ? part.text : `<${part.kind}>${text(part.content)}</>`)).join('');

  it('reads marks within marks', () => {
    expect(text(parseInline('a *b `c` $x_1$* **d** [e *f*](https://g.h) i\\*j'))).to.equal(
      'a <em>b c x_1</> <strong>d</> <link>e <em>f</></> i*j',
    );
    expect(parseInline('$a*b*c$')).to.deep.equal([{ kind: 'math', text: 'a*b*c' }]);
    expect(parseInline('[x](javascript:alert)')).to.deep.equal([{ kind: 'text', text: '[x](javascript:alert)' }]);
  });

  it('reads blocks', () => {
    const page = '# T\n\np q\nr\n\n$$\nx\n$$\n\n| a | b |\n| --- | --- |\n| c | $d$ |\n\n- one\n  more\n- two\n';
    expect(parseMarkdown(page).map(({ kind }) => kind)).to.deep.equal([
      'heading',
      'paragraph',
      'math',
      'table',
      'list',
    ]);
    const list = parseMarkdown(page).at(-1)!;
    expect(list.kind === 'list' && list.items.map(text)).to.deep.equal(['one more', 'two']);
  });
});
