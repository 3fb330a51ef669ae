// Nothing is lost: whatever was on the page a moment before it is reloaded, closed or crashed is there at the next
// visit, and of two tabs the second goes on where the first ends. In a real browser with its real storage.

import { endToEnd, equal, ok, openPage, PATIENCE, picture } from './support.mjs';

const WAIT = PATIENCE;
/** Milliseconds between the change and the end of the page. */
const MOMENTS = [0, 20, 100, 200];

const started = (page) => page.waitForFunction(() => globalThis.margin && document.querySelector('margin-app')?.app?.store.state.images.length > 0, null, WAIT);
const pairTexts = (page) => page.evaluate(() => margin.state.pairs.map(({ chosen }) => chosen));
const app = 'document.querySelector("margin-app").app';

/** Adds a pair about the first picture, and settles as soon as the page has it. */
const addPair = (page, chosen) =>
  page.evaluate((text) => {
    margin.intents.addPairOf({ imageId: margin.state.images[0].id, prompt: 'What is it?', chosen: text, rejected: 'Something else.' });
  }, chosen);

await endToEnd(async ({ checks, browser, url }) => {
  const fresh = async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    // Nothing here needs a model, and loading one again and again takes its time.
    await context.route(/\.(onnx|safetensors)$/, (route) => route.abort());
    context.setDefaultTimeout(WAIT.timeout);
    return context;
  };
  const open = async (context) => {
    const { page } = await openPage(context, url);
    checks.page = page;
    await started(page);
    return page;
  };

  const ends = {
    'a reload': async (page) => {
      await page.reload();
      await started(page);
      return page;
    },
    'a closed tab': async (page) => {
      const context = page.context();
      await page.close();
      return open(context);
    },
    'a crash': async (page) => {
      const context = page.context();
      const session = await context.newCDPSession(page);
      const crashed = page.waitForEvent('crash');
      session.send('Page.crash').catch(() => {});
      await crashed;
      await page.close();
      return open(context);
    },
  };

  for (const [name, end] of Object.entries(ends)) {
    await checks.check(`a pair is kept that was added ${MOMENTS.join(', ')} ms before ${name}`, async () => {
      const context = await fresh();
      let page = await open(context);
      const expected = [];
      for (const ms of MOMENTS) {
        const text = `Pair of ${ms} ms.`;
        await addPair(page, text);
        expected.push(text);
        if (ms > 0) await page.waitForTimeout(ms);
        page = await end(page);
        equal((await pairTexts(page)).join(), expected.join(), `pairs after ${ms} ms`);
      }
      await context.close();
    });
  }

  await checks.check('what was deleted a moment before the end does not come back; settings and marks are kept', async () => {
    const context = await fresh();
    let page = await open(context);
    await addPair(page, 'One.');
    await addPair(page, 'Two.');
    await page.evaluate(() => {
      margin.intents.setSetting('temperature', 0.3);
      margin.intents.setSetting('temperature', 0.4);
      margin.intents.deletePair(margin.state.pairs[0].id);
      margin.intents.setSetting('temperature', 0.5);
    });
    page = await ends['a crash'](page);
    equal((await pairTexts(page)).join(), 'Two.', 'pairs');
    equal(await page.evaluate(() => margin.state.settings.temperature), 0.5, 'temperature');
    await page.evaluate(() => {
      margin.intents.deletePair(margin.state.pairs[0].id);
      margin.intents.setSetting('temperature', 0.7);
      location.reload();
    });
    await page.waitForFunction(() => globalThis.margin && margin.state.settings.temperature === 0.7, null, WAIT);
    equal((await pairTexts(page)).join(), '', 'pairs');
    await context.close();
  });

  await checks.check('a picture that is on the page has its bytes after a crash', async () => {
    const context = await fresh();
    let page = await open(context);
    for (const colour of ['#136', '#631']) {
      const bytes = [...(await picture(page, colour, 900, 700))];
      const id = await page.evaluate(async ([data, name]) => {
        const [record] = await margin.intents.addImages([new File([new Uint8Array(data)], name)]);
        margin.intents.addPairOf({ imageId: record.id, prompt: 'What is it?', chosen: `A ${name}.`, rejected: 'Nothing.' });
        return record.id;
      }, [bytes, colour]);
      page = await ends[colour === '#136' ? 'a crash' : 'a closed tab'](page);
      const size = await page.evaluate(async (image) => (await document.querySelector('margin-app').app.images.blob(image)).size, id);
      ok(size > 0, 'no bytes');
      ok((await pairTexts(page)).includes(`A ${colour}.`), 'its pair');
      // A crashed page may hold the workspace a little longer than one waits for it.
      const said = await page.evaluate(() => margin.state.notices.map(({ message }) => message).join());
      ok(!/dropped|could not/.test(said), said);
    }
    await context.close();
  });

  await checks.check('the second tab waits, then joins its work to that of the first and saves', async () => {
    const context = await fresh();
    const first = await open(context);
    await addPair(first, 'Of both.');
    const second = await open(context);
    await second.getByText('Margin is already open in another tab').waitFor(WAIT);
    if (process.env.MARGIN_SCREENSHOT) await second.screenshot({ path: process.env.MARGIN_SCREENSHOT });
    await addPair(second, 'Of the second.');
    await addPair(first, 'Of the first.');
    await first.close();
    await second.getByText('This tab saves the workspace from now on').waitFor(WAIT);
    equal((await pairTexts(second)).join(), 'Of both.,Of the first.,Of the second.', 'pairs here');
    equal(await second.getByText('Margin is already open in another tab').count(), 0, 'the old notice');
    await addPair(second, 'Afterwards.');
    const third = await ends['a crash'](second);
    equal((await pairTexts(third)).join(), 'Of both.,Of the first.,Of the second.,Afterwards.', 'pairs stored');
    await context.close();
  });

  await checks.check('"Save in this tab instead" takes the workspace over, and the first tab says so', async () => {
    const context = await fresh();
    const first = await open(context);
    await addPair(first, 'Of the first.');
    const second = await open(context);
    await second.getByRole('button', { name: 'Save in this tab instead' }).click(WAIT);
    await second.getByText('This tab saves the workspace from now on').waitFor(WAIT);
    await first.getByText('Margin is already open in another tab').waitFor(WAIT);
    await addPair(first, 'Unsaved yet.');
    await addPair(second, 'Of the second.');
    await second.close();
    await first.getByText('This tab saves the workspace from now on').waitFor(WAIT);
    equal((await pairTexts(first)).join(), 'Of the first.,Of the second.,Unsaved yet.', 'pairs');
    await context.close();
  });

  await checks.check('a frozen tab lets another one save, and joins it when it runs again', async () => {
    const context = await fresh();
    const first = await open(context);
    await addPair(first, 'Of the first.');
    // A headless page is never hidden, and only hidden ones freeze: the events are all that reaches the page anyway.
    await first.evaluate(() => document.dispatchEvent(new Event('freeze')));
    const second = await open(context);
    await addPair(second, 'Of the second.');
    await second.evaluate(`${app}.flush()`);
    equal((await pairTexts(second)).join(), 'Of the first.,Of the second.', 'pairs in the second tab');
    equal(await second.evaluate(() => margin.state.notices.length), 0, 'notices');
    await first.evaluate(() => document.dispatchEvent(new Event('resume')));
    await second.close();
    await first.waitForFunction(() => margin.state.pairs.length === 2, null, WAIT);
    await context.close();
  });

  await checks.check('data cleared under the open page is written again', async () => {
    const context = await fresh();
    let page = await open(context);
    await addPair(page, 'Before.');
    await page.evaluate(`${app}.flush()`);
    const session = await context.newCDPSession(page);
    await session.send('Storage.clearDataForOrigin', { origin: new URL(url).origin, storageTypes: 'indexeddb,local_storage,file_systems' });
    await addPair(page, 'After.');
    await page.evaluate(`${app}.flush()`);
    page = await ends['a reload'](page);
    equal((await pairTexts(page)).join(), 'Before.,After.', 'pairs');
    await context.close();
  });

  await checks.check('a full storage is said once, and saving resumes by itself when there is room', async () => {
    const context = await fresh();
    let page = await open(context);
    const session = await context.newCDPSession(page);
    const { origin } = new URL(url);
    await page.evaluate(`${app}.flush()`);
    const { usage } = await session.send('Storage.getUsageAndQuota', { origin });
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: usage + 1000 });
    const bytes = [...(await picture(page, '#264', 900, 700))];
    const id = await page.evaluate(async (data) => (await margin.intents.addImages([new File([new Uint8Array(data)], 'full.png')]))[0].id, bytes);
    await page.getByText('This browser has no more room').waitFor(WAIT);
    await addPair(page, 'Beside it.');
    await session.send('Storage.overrideQuotaForOrigin', { origin });
    await page.getByText('Saving works again').waitFor(WAIT);
    equal(await page.getByText('This browser has no more room').count(), 0, 'the old notice');
    page = await ends['a crash'](page);
    equal((await pairTexts(page)).join(), 'Beside it.', 'pairs');
    ok((await page.evaluate(async (image) => (await document.querySelector('margin-app').app.images.blob(image)).size, id)) > 0, 'its bytes');
    await context.close();
  });
});
