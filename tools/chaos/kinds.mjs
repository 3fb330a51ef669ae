// The blows. Each strikes the page and brings back what a person would bring back: the tab, the browser, the server.
// `hard`: the page gets no chance to do anything more. `lives`: the page itself goes on and must recover by itself.

import { setTimeout as sleep } from 'node:timers/promises';
import { PATIENCE } from '../../tests/e2e/support.mjs';

/** As many times faster runs the page's clock while its watchdog waits for a worker that will never answer. */
const HASTE = 6;

/** The watchdog's patience grows with the silences it has seen, so on a busy machine this may take long and be right. */
const REPLACED = { timeout: 20 * 60_000 };

/** Makes the page's clock run faster until the engine is being replaced. */
async function hurryUntilReplaced({ page }) {
  await page.evaluate((haste) => {
    const now = performance.now.bind(performance);
    const from = now();
    performance.now = () => from + haste * (now() - from);
  }, HASTE);
  await page.waitForFunction(() => margin.state.engine.kind !== 'ready', null, REPLACED);
  await page.evaluate(() => delete performance.now);
}

const engineOf = () => document.querySelector('margin-app').app.engine;

export const KINDS = {
  close: {
    words: 'tab closed',
    async strike(visit) {
      const closed = visit.page.waitForEvent('close');
      await visit.page.close({ runBeforeUnload: true });
      await closed;
      await visit.open();
    },
  },
  reload: {
    words: 'page reloaded',
    async strike(visit) {
      await visit.page.reload();
      await visit.started();
    },
  },
  crash: {
    words: 'page crashed',
    hard: true,
    async strike(visit) {
      const crashed = visit.page.waitForEvent('crash');
      visit.cdp.send('Page.crash').catch(() => {});
      await crashed;
      await visit.page.close();
      await visit.open();
    },
  },
  killed: {
    words: 'browser killed',
    hard: true,
    async strike(visit) {
      await visit.killBrowser();
      await visit.startBrowser();
      await visit.open();
    },
  },
  worker: {
    words: 'worker terminated',
    lives: true,
    async strike(visit) {
      await visit.page.evaluate(`(${engineOf})().worker.terminate()`);
      // Nobody waits for a worker that nothing is asked of: the next question finds out.
      await visit.page.evaluate(() => void margin.evaluate().catch(() => {}));
      await hurryUntilReplaced(visit);
    },
  },
  stuck: {
    words: 'worker stuck',
    lives: true,
    async strike(visit) {
      const worker = visit.page.workers().find((each) => /engine\/worker|assets\/worker/.test(each.url()));
      worker
        .evaluate(() => {
          for (;;);
        })
        .catch(() => {});
      await visit.page.evaluate(() => void margin.evaluate().catch(() => {}));
      await hurryUntilReplaced(visit);
    },
  },
  device: {
    words: 'device destroyed',
    lives: true,
    async strike(visit) {
      await visit.page.evaluate(`(${engineOf})().destroyDevice().catch(() => {})`);
    },
  },
  gpu: {
    words: 'GPU process crashed',
    lives: true,
    async strike(visit) {
      const session = await visit.browser.newBrowserCDPSession();
      const facts = await visit.page.evaluate(() => margin.state.engine);
      await session.send('Browser.crashGpuProcess').catch(() => {});
      await visit.page.waitForFunction((before) => margin.state.engine.kind !== before, facts.kind, PATIENCE);
    },
  },
  freeze: {
    words: 'tab frozen',
    lives: true,
    silent: true,
    async strike(visit) {
      await visit.cdp.send('Page.setWebLifecycleState', { state: 'frozen' });
      await sleep(500 + visit.random.upTo(5500));
      await visit.cdp.send('Page.setWebLifecycleState', { state: 'active' });
    },
  },
  full: {
    words: 'storage full',
    lives: true,
    async strike(visit) {
      const { origin } = new URL(visit.url);
      // What was done before must have had its moment: from here on nothing more can be stored.
      await visit.page.evaluate(() => document.querySelector('margin-app').app.flush());
      const { usage } = await visit.cdp.send('Storage.getUsageAndQuota', { origin });
      await visit.cdp.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: usage + 1000 });
      // A picture finds no room whatever else goes on; the page must say so and go on.
      const bytes = await visit.newPicture(1600);
      await visit.page.evaluate(
        async (content) =>
          margin.images.add([new File([new Uint8Array(content)], 'too-much.png', { type: 'image/png' })]),
        [...bytes],
      );
      await visit.page
        .getByText(/no more room|no room/i)
        .first()
        .waitFor(PATIENCE);
      await visit.moreSteps(visit.random.upTo(3));
      await visit.cdp.send('Storage.overrideQuotaForOrigin', { origin });
      await visit.removePictures(({ name }) => name === 'too-much.png');
      // With room again, saving goes on without being asked.
      await visit.addPair();
      await visit.moreSteps(visit.saveSteps);
    },
  },
  offline: {
    words: 'server stopped',
    lives: true,
    silent: true,
    async strike(visit) {
      await visit.server.close();
      await visit.moreSteps(visit.random.upTo(2));
      const loses = visit.random.next() < 0.5;
      if (loses) {
        await visit.page.evaluate(`(${engineOf})().destroyDevice().catch(() => {})`);
        // Without the server the models cannot be loaded again, unless the browser still has them.
        await visit.page.waitForFunction(
          () => ['unavailable', 'ready'].includes(margin.state.engine.kind) && margin.state.training.phase === 'idle',
          null,
          PATIENCE,
        );
      }
      await visit.startServer();
      await visit.page.evaluate(() => margin.state.engine.kind === 'unavailable' && margin.intents.retryEngine());
    },
  },
};
