// How the page starts when something stands in its way: a link that names a model that does not exist, stored models that
// fail, stored work that cannot be read, a browser that lacks what newer ones have. It gets ready, and says what happened.

import { endToEnd, engineReady, equal, ok, openPage, PATIENCE, until } from './support.mjs';

const button = (page, name) => page.getByRole('button', { name, exact: true });

/** What Chrome 113 to 126 lack, in the page and in the worker. */
const OLDER = `(() => {
  delete AbortSignal.any;
  delete Promise.withResolvers;
  delete Array.fromAsync;
  delete URL.canParse;
  delete globalThis.Float16Array;
  for (const name of ['union', 'intersection', 'difference', 'isSubsetOf']) delete Set.prototype[name];
  if (globalThis.Iterator) for (const name of ['map', 'filter', 'toArray', 'flatMap']) delete Iterator.prototype[name];
  if (!globalThis.GPUAdapter) return;
  const described = Object.getOwnPropertyDescriptor(GPUAdapter.prototype, 'info');
  GPUAdapter.prototype.requestAdapterInfo = async function () { return described.get.call(this); };
  delete GPUAdapter.prototype.info;
  delete GPUDevice.prototype.adapterInfo;
})();`;

await endToEnd(async ({ checks, browser, url }) => {
  const viewport = { width: 1280, height: 800 };
  const context = await browser.newContext({ viewport });
  const models = (page) => page.evaluate(() => [margin.state.settings.vlm, margin.state.settings.clip].join());
  const notices = (page) => page.evaluate(() => margin.state.notices.map(({ message }) => message).join('\n'));
  /** Writes over what the page has stored, and takes the settings out of the address. */
  const put = (page, name, value) =>
    page.evaluate(
      ([key, stored]) =>
        new Promise((resolve, reject) => {
          const open = indexedDB.open('margin');
          open.onsuccess = () => {
            const transaction = open.result.transaction('values', 'readwrite');
            transaction.objectStore('values').put(stored, key);
            transaction.oncomplete = () => {
              open.result.close();
              history.replaceState(null, '', location.pathname);
              resolve();
            };
            transaction.onerror = () => reject(transaction.error);
          };
        }),
      [name, value],
    );
  const link = `${url}#vlm=nope&seed=7&n=99`;

  await checks.check('a link to a model that does not exist loads the bundled ones, and is not kept', async () => {
    const { page } = await openPage(context, link);
    checks.page = page;
    await engineReady(page);
    await until(page, () => margin.state.engine.kind === 'ready');
    equal(await models(page), 'toybox-vlm,toybox-clip', 'models');
    await page.locator('margin-notices').getByText(/"nope".*toybox-vlm.*instead/).waitFor();
    await page.locator('margin-notices').getByText(/n is 99.*16 is used/).waitFor();
    equal(await page.evaluate(() => margin.state.settings.seed), 7, 'seed');
    equal(await page.getByLabel('Vision-language model').inputValue(), 'toybox-vlm', 'the picker');
    await until(page, () => location.hash.includes('vlm=toybox-vlm'));
    await page.reload();
    await engineReady(page);
    equal(await models(page), 'toybox-vlm,toybox-clip', 'models after a reload');
    equal(await notices(page), '', 'notices after a reload');
    await page.close();
  });

  await checks.check('another model and Cancel: what is loaded is what the header shows', async () => {
    const { page } = await openPage(context, url);
    checks.page = page;
    await engineReady(page);
    const picker = page.getByLabel('Vision-language model');
    const others = (await picker.locator('option').evaluateAll((all) => all.map(({ value }) => value))).filter((id) => id !== 'toybox-vlm');
    await context.route(/huggingface/, () => {});
    await picker.selectOption(others[0]);
    await picker.selectOption(others.at(-1));
    await button(page, 'Cancel loading').click();
    await until(page, () => margin.state.engine.kind === 'ready');
    equal(await picker.inputValue(), 'toybox-vlm', 'the picker');
    equal(await page.evaluate(() => margin.state.engine.facts.models.map(({ id }) => id).join()), await models(page), 'what is loaded');
    await page.close();
  });

  await checks.check('stored models that fail twice give way to the bundled ones', async () => {
    const { page } = await openPage(context, url);
    checks.page = page;
    await engineReady(page);
    await context.unroute(/huggingface/);
    await context.route(/huggingface/, (route) => route.abort());
    const stored = await page.evaluate(() => fetch('models/catalog.json').then((r) => r.json()).then(({ models: all }) => all.find(({ kind, source }) => kind === 'vlm' && source.type === 'hub').id));
    await put(page, 'settings', { ...(await page.evaluate(() => margin.state.settings)), vlm: stored });
    await page.reload();
    const alert = page.getByRole('alert').filter({ hasText: 'could not be started' });
    await alert.waitFor(PATIENCE);
    await button(page, 'Try again').click();
    await until(page, () => margin.state.engine.kind === 'ready');
    equal(await models(page), 'toybox-vlm,toybox-clip', 'models');
    ok((await notices(page)).includes('Loading toybox-vlm and toybox-clip instead'), await notices(page));
    await page.close();
  });

  await checks.check('Reset this page deletes what is stored, after a question and an offer to export', async () => {
    const { page } = await openPage(context, `${url}#reset`);
    checks.page = page;
    const reset = page.locator('margin-reset');
    await reset.getByText('It cannot be undone.').waitFor(PATIENCE);
    await page.evaluate(() => margin.intents.setSetting('prompt', 'Kept until the reset.'));
    equal(await page.evaluate(() => margin.state.engine.kind), 'idle', 'engine before the answer');
    const [file] = await Promise.all([page.waitForEvent('download'), reset.getByRole('button', { name: 'Export workspace' }).click()]);
    equal(file.suggestedFilename(), 'margin-workspace.zip', 'file');
    if (process.env.MARGIN_PICTURES) await page.screenshot({ path: 'tests/.artifacts/reset.png' });
    await Promise.all([page.waitForEvent('load'), reset.getByRole('button', { name: 'Delete everything and reload' }).click()]);
    await engineReady(page);
    equal(await page.evaluate(() => margin.state.settings.prompt), 'Describe the image.', 'prompt');
    await page.close();
  });

  await checks.check('stored work of wrong types does not keep the page from starting', async () => {
    const { page, errors } = await openPage(context, url);
    checks.page = page;
    await engineReady(page);
    await put(page, 'training', { runs: 5 });
    await put(page, 'view', { theme: 7, tab: null });
    await page.reload();
    await engineReady(page);
    equal(await models(page), 'toybox-vlm,toybox-clip', 'models');
    equal(await page.evaluate(() => margin.state.view.theme), 'system', 'theme');
    equal(errors.join('\n'), '', 'errors');
    await page.close();
  });

  await context.close();

  await checks.check('a browser without what Chrome 127 brought gets ready and trains', async () => {
    const older = await browser.newContext({ viewport });
    await older.addInitScript(OLDER);
    // Workers get no init script: what their script imports first does the same.
    await older.route(/engine\/worker/, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: `import 'data:text/javascript,${encodeURIComponent(OLDER)}';\n${await response.text()}` });
    });
    const { page, errors } = await openPage(older, url);
    checks.page = page;
    const facts = await engineReady(page);
    ok(/swiftshader/i.test(facts.device.adapter) && facts.device.isFallback, `adapter: ${facts.device.adapter}`);
    equal(await page.workers()[0].evaluate(() => [typeof AbortSignal.any, 'info' in GPUAdapter.prototype].join()), 'undefined,false', 'what the worker lacks');
    await page.evaluate(async () => {
      margin.intents.setSetting('n', 2);
      margin.intents.setSetting('maxTokens', 4);
      await margin.intents.sample();
    });
    ok(await page.evaluate(() => margin.state.candidates.some(({ text }) => text)), 'nothing was sampled');
    equal(errors.join('\n'), '', 'errors');
    await older.close();
  });
});
