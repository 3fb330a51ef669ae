// What goes wrong for people: damaged pictures, a damaged model file, a lost GPU device, no WebGPU at all.
// Each must be named, harm nothing else, and leave a way on.

import { backToToybox, endToEnd, engineReady, equal, idle, near, ok, openPage, picture, until } from './support.mjs';

const button = (page, name, nth = 0) => page.getByRole('button', { name, exact: true }).nth(nth);

async function addFiles(page, files) {
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), button(page, 'Add images').click()]);
  await chooser.setFiles(files);
}

/** Samples two short answers and settles when they are scored. */
async function sampleTwo(page) {
  await page.evaluate(() => {
    margin.intents.setSetting('n', 2);
    margin.intents.setSetting('maxTokens', 8);
  });
  const known = await page.evaluate(() => margin.state.candidates.map(({ id }) => id));
  await button(page, 'Sample responses').click();
  await until(page, (ids) => margin.state.candidates.some(({ id }) => !ids.includes(id)), known);
  await idle(page);
}

await endToEnd(async ({ checks, browser, url, launch }) => {
  const check = checks.check.bind(checks);
  const viewport = { width: 1280, height: 800 };

  // A model file cut short on its way, as a flaky network or a full disk leaves it.
  const context = await browser.newContext({ viewport });
  const weights = '**/toybox-vlm/model.safetensors';
  await context.route(weights, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.body()).subarray(0, 100_000), headers: {} });
  });
  const { page } = await openPage(context, url);
  checks.page = page;

  await check('a damaged model file is named, and the rest of the page works', async () => {
    const alert = page.getByRole('alert').filter({ hasText: 'model.safetensors' });
    await alert.waitFor();
    equal(await page.evaluate(() => margin.state.engine.error.name), 'ModelFileError', 'error');
    ok(await button(page, 'Sample responses').isDisabled(), 'sampling is offered without a model');
    near(Number(await page.getByLabel('Loss', { exact: true }).textContent()), Math.log1p(Math.exp(-1)), 1e-4, 'the worked example');
  });

  await check('trying again with the whole file loads the models', async () => {
    await context.unroute(weights);
    await button(page, 'Try again').click();
    await until(page, () => margin.state.engine.kind !== 'unavailable');
    await engineReady(page);
  });

  await check('pictures that are none are refused by name, and the good one among them is added', async () => {
    const before = await page.evaluate(() => margin.images.list().length);
    const png = await picture(page, '#36c');
    await addFiles(page, [
      { name: 'broken.png', mimeType: 'image/png', buffer: png.subarray(0, 60) },
      { name: 'empty.jpg', mimeType: 'image/jpeg', buffer: Buffer.alloc(0) },
      { name: 'letter.png', mimeType: 'image/png', buffer: Buffer.from('Dear reader, this is no picture.') },
      { name: 'good.png', mimeType: 'image/png', buffer: png },
    ]);
    await until(page, () => margin.state.images.some(({ name }) => name === 'good.png') && !margin.state.activity);
    await backToToybox(page);
    equal(await page.evaluate(() => margin.images.list().length), before + 1, 'pictures');
    for (const name of ['broken.png', 'empty.jpg', 'letter.png']) {
      await page.locator('margin-notices').getByText(name).waitFor();
    }
    await page.evaluate(() => {
      for (const { id } of margin.state.notices) margin.intents.dismissNotice(id);
    });
  });

  await check('after the GPU device is lost the engine restarts, and nothing is gone', async () => {
    await sampleTwo(page);
    const texts = await page.evaluate(() => margin.state.candidates.map(({ text }) => text));
    await page.locator('margin-engine-badge').getByRole('button').click();
    await button(page, 'Lose the device on purpose').click();
    await until(page, () => margin.state.engine.kind !== 'ready');
    await engineReady(page);
    await button(page, 'Close').click();
    equal(JSON.stringify(await page.evaluate(() => margin.state.candidates.map(({ text }) => text))), JSON.stringify(texts), 'answers');
    await sampleTwo(page);
    ok((await page.evaluate(() => margin.state.candidates.filter(({ clip }) => clip !== undefined).length)) >= 2, 'no scores after the restart');
  });

  await check('a device lost in mid-sampling keeps what was written', async () => {
    await page.evaluate(() => {
      margin.intents.setSetting('n', 4);
      margin.intents.setSetting('maxTokens', 300);
      margin.intents.setSetting('temperature', 2);
    });
    await button(page, 'Sample responses').click();
    await until(page, () => margin.state.candidates.some(({ status, tokens }) => status === 'streaming' && tokens.length > 3));
    await page.locator('margin-engine-badge').getByRole('button').click();
    await button(page, 'Lose the device on purpose').click();
    await until(page, () => !margin.state.activity && margin.state.engine.kind === 'ready');
    await button(page, 'Close').click();
    await idle(page);
    ok(await page.evaluate(() => margin.state.candidates.some(({ tokens, text }) => tokens.length > 0 && text.trim())), 'the answers are gone');
  });
  await context.close();

  await check('without WebGPU the page names browsers, and the losses work on typed numbers', async () => {
    const plain = await launch(['--disable-gpu', '--disable-features=WebGPU,Vulkan', '--disable-blink-features=WebGPU']);
    const { page: bare } = await openPage(await plain.newContext({ viewport }), url);
    checks.page = bare;
    const alert = bare.getByRole('alert').filter({ hasText: 'Safari' });
    await alert.waitFor();
    equal(await bare.evaluate(() => margin.state.engine.error.name), 'NoWebGpuError', 'error');
    for (const name of ['Chrome and Edge', 'Firefox', 'float64']) await alert.getByText(name).first().waitFor();
    const loss = () => bare.getByLabel('Loss', { exact: true }).textContent();
    near(Number(await loss()), Math.log1p(Math.exp(-1)), 1e-4, 'DPO of the worked example');
    await bare.getByLabel('logps/chosen, pair 1', { exact: true }).fill('-17');
    near(Number(await loss()), Math.log1p(Math.exp(-1.5)), 1e-4, 'DPO of a typed number');
    await bare.getByRole('combobox', { name: 'Objective' }).selectOption('simpo');
    near(Number(await loss()), Math.log1p(Math.exp(-(10 * (-17 / 10 + 24 / 12) - 0.5))), 1e-4, 'SimPO of typed numbers');
    equal(await bare.evaluate(async () => (await margin.evaluate({ objective: 'simpo', pairs: [{ chosen: -17, rejected: -24, chosenLength: 10, rejectedLength: 12 }] })).backend), 'f64', 'back end');
    await plain.close();
  });
});
