import { expect } from '@esm-bundle/chai';
import '../../src/components/explorer/margin-explorer.ts';
import type { MarginExplorer } from '../../src/components/explorer/margin-explorer.ts';
import { evaluateF64 } from '../../src/kernels/losses/evaluate.ts';
import { makeAppWithDraft, stateWhere, type TestApp } from '../support/app.ts';
import { expectAccessible } from '../support/axe.ts';
import { button, buttons, deep, deepAll, frames, mount, press, type, unmountAll } from '../support/mount.ts';

/** An app with two scored pairs, both apart from the reference, as after some training. */
const appWithPairs = async (): Promise<TestApp> => {
  const app = await makeAppWithDraft();
  app.intents.addPair();
  const [, , third, fourth] = app.store.state.candidates;
  app.intents.markChosen(fourth.id);
  app.intents.markRejected(third.id);
  app.intents.addPair();
  await stateWhere(app, ({ pairs }) => pairs.length === 2 && pairs.every(({ scores }) => scores), 'two scored pairs');
  const moved = [
    { chosenLogRatio: 0.8, rejectedLogRatio: -1.2 },
    { chosenLogRatio: -1.5, rejectedLogRatio: -0.5 },
  ];
  app.store.update((state) => ({
    ...state,
    pairs: state.pairs.map((pair, i) => ({
      ...pair,
      scores: { ...pair.scores!, row: { ...pair.scores!.row, ...moved[i] } },
    })),
  }));
  return app;
};

const open = async (app: TestApp, tab?: string): Promise<MarginExplorer> => {
  const element = await mount<MarginExplorer>('margin-explorer', { app });
  Object.assign(element.style, { width: '1200px', height: '760px' });
  await frames(element);
  if (tab) {
    deepAll(element, '[role="tab"]')
      .find((each) => each.textContent!.trim() === tab)!
      .click();
    await frames(element);
  }
  return element;
};

/** The element of a tab: selectors reach through shadow roots, their combinators do not. */
const tabOf = (element: Element, name: string): HTMLElement => deep(element, `margin-explorer-${name}`);
const text = (element: Element, selector: string): string =>
  deep(element, selector).textContent!.replace(/\s+/g, ' ').trim();
const numberIn = (cell: Element): number => Number(cell.textContent);

describe('explorer', () => {
  afterEach(unmountAll);

  it('draws any set of objectives on shared axes, with their values under the cursor', async () => {
    const app = await appWithPairs();
    const element = await open(app);
    const curves = () => deepAll(element, 'polyline[data-line]').map((line) => line.getAttribute('data-line'));
    expect(curves().filter((id) => id === 'dpo_sigmoid')).to.have.length(2);
    button(element, 'Remove SimPO').click();
    const add = deep<HTMLSelectElement>(element, 'select[aria-label="Add an objective"]');
    type(add, 'kto', 'change');
    await frames(element);
    expect(curves()).to.include('kto').and.not.to.include('simpo');
    expect(text(tabOf(element, 'curves'), '.caption'))
      .to.contain('KTO')
      .and.to.contain('wanted');
    type(deep<HTMLInputElement>(element, 'input[aria-label="Margin under the cursor"]'), '2');
    await frames(element);
    const row = deepAll<HTMLTableRowElement>(tabOf(element, 'curves'), 'tbody tr')[0];
    expect(numberIn(row.cells[1])).to.be.closeTo(Math.log1p(Math.exp(-1)), 6e-5);
    expect(deep(element, '[data-dots]').getAttribute('data-dots')).to.equal('2');
    button(element, 'IPO (sequence sums)').click();
    await frames(element);
    expect(app.store.state.settings.objective).to.equal('ipo_sum');
    expect(curves()).to.include('dpo_sigmoid');
    await expectAccessible(element);
  });

  it('maps the loss of both answers, with every pair at its own loss', async () => {
    const app = await appWithPairs();
    const element = await open(app, 'Map');
    expect(deep(element, '[data-dots]').getAttribute('data-dots')).to.equal('2');
    expect(deep(element, '.contour').getAttribute('d')!.length).to.be.greaterThan(500);
    expect(deep(element, '.arrows').getAttribute('d')!.length).to.be.greaterThan(500);
    const { pairs } = evaluateF64({ objective: 'dpo_sigmoid', hyperparameters: {}, rows: app.evaluation.rows });
    const table = deepAll(element, 'details')[0];
    const losses = [...table.querySelectorAll('tbody tr')].map((row) =>
      numberIn((row as HTMLTableRowElement).cells[3]),
    );
    for (const [i, loss] of losses.entries()) expect(loss).to.be.closeTo(pairs[i].loss, 6e-5);
    const map = deep<SVGElement & HTMLElement>(element, 'svg.over');
    map.focus();
    expect(press('ArrowRight', map)).to.equal(true);
    await frames(element);
    expect(deep(element, 'margin-map-table').shadowRoot!.textContent).to.contain('Under the cross');
    // The left half of the canvas, high chosen loss, is coloured otherwise than the right.
    const canvas = deep<HTMLCanvasElement>(element, 'canvas');
    const pixel = (x: number) => [...canvas.getContext('2d')!.getImageData(x, canvas.height - 5, 1, 1).data];
    expect(pixel(2)).not.to.deep.equal(pixel(canvas.width - 3));
    await expectAccessible(element);
  });

  it('selects the pair that is pressed on the map, and draws the path of a run', async () => {
    const app = await appWithPairs();
    const [first, second] = app.store.state.pairs;
    app.intents.selectPair(second.id);
    app.store.update((state) => ({ ...state, training: { ...state.training, run: 'run-1' } }));
    const tracks = app.training.tracks('run-1');
    tracks.begin([first.id, second.id]);
    const point = { loss: 0.69, margin: 0, chosen: -5, rejected: -6 };
    tracks.append(1, [{ index: 0, ...point, chosenLogRatio: 0, rejectedLogRatio: 0 }]);
    tracks.append(2, [{ index: 0, ...point, chosenLogRatio: 0.4, rejectedLogRatio: -0.5 }]);
    const element = await open(app, 'Map');
    expect(deep(element, '[data-paths]').getAttribute('data-paths')).to.equal('1');
    const shape = deep(element, '.dots').getAttribute('d')!;
    // "M<left>,<middle>a<r>,...": the middle of the first ring, in pixels of the square.
    const [, left, top, r] = shape.match(/^M([\d.]+),([\d.]+)a([\d.]+)/)!.map(Number);
    const map = deep(element, 'svg.over');
    const box = map.getBoundingClientRect();
    const at = { clientX: box.left + left + r, clientY: box.top + top, bubbles: true, composed: true };
    map.dispatchEvent(new MouseEvent('click', at));
    await frames(element);
    expect(app.store.state.selectedPair).to.equal(first.id);
    expect(deep(element, '.path.shown').getAttribute('d')!.match(/L/g)).to.have.length(2);
  });

  it('shows what a knob does, and turns it', async () => {
    const app = await appWithPairs();
    const element = await open(app, 'Sensitivity');
    const rows = () => deepAll<HTMLTableRowElement>(tabOf(element, 'sensitivity'), 'tbody tr');
    expect(rows().map((row) => row.cells[0].textContent)).to.deep.equal(['0.125', '0.25', '0.5', '1', '2']);
    const request = { objective: 'dpo_sigmoid', hyperparameters: { beta: 2 }, rows: app.evaluation.rows };
    expect(numberIn(rows()[4].cells[1])).to.be.closeTo(evaluateF64(request).pairs.at(-1)!.loss, 6e-5);
    button(element, 'Set beta to 2').click();
    await frames(element);
    expect(app.store.state.settings.hyperparameters.dpo_sigmoid).to.deep.equal({ beta: 2 });
    expect(rows().find((row) => row.hasAttribute('data-present'))!.cells[0].textContent).to.equal('2');
    await expectAccessible(element);
  });

  it('opens a loss of every family on every tab', async () => {
    const app = await appWithPairs();
    const element = await open(app);
    for (const id of ['bco_unpaired', 'aot', 'grpo', 'rloo', 'bradley_terry_center']) {
      app.intents.setSetting('objective', id);
      await frames(element, 1);
      const tabs = deepAll(element, '[role="tab"]');
      expect(tabs, id).to.have.length(4);
      for (const tab of tabs) {
        tab.click();
        await frames(element, 1);
        const drawn = deepAll(element, 'polyline, .contour');
        expect(drawn.length, `${id} ${tab.textContent}`).to.be.greaterThan(0);
      }
    }
    expect(buttons(element, 'Next pair')).to.have.length(1);
  });
});
