// What hands do to the page: double clicks, the browser's Back, other scripts than Latin. With a real mouse and history.

import { endToEnd, engineReady, equal, ok, openPage, PATIENCE } from './support.mjs';

const TEXTS = {
  Chinese: '图中有一只猫和一个红色的球。',
  Arabic: 'قطة صغيرة على العشب الأخضر.',
  'emoji and accents': 'Äpfel – „süß“ 👨‍👩‍👧‍👦 🇩🇪 e\u0301',
};

/** What the tokens of the newest answer show, drawn in the page. */
const drawn = (page) =>
  page
    .locator('margin-candidate')
    .last()
    .locator('margin-tokens .token:not(.special)')
    .evaluateAll((spans) => spans.map((span) => span.textContent).join(''));

await endToEnd(async ({ checks, browser, url }) => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const { page, errors } = await openPage(context, url);
  checks.page = page;
  await engineReady(page);
  const shot = async (name) => {
    if (process.env.MARGIN_SHOTS) await page.screenshot({ path: `${process.env.MARGIN_SHOTS}/${name}.png` });
  };
  const idle = () => page.waitForFunction(() => margin.state.activity === null, null, PATIENCE);

  await checks.check('a double click on Sample is one sampling, and Cancel stands elsewhere', async () => {
    const sample = page.getByRole('button', { name: 'Sample responses' });
    await sample.dblclick();
    await page.waitForFunction(() => margin.state.activity?.kind === 'sample', null, PATIENCE);
    await page.getByRole('button', { name: 'Cancel' }).waitFor();
    await shot('sampling');
    await idle();
    const found = await page.evaluate(() => margin.state.candidates.map(({ finish }) => finish));
    equal(found.length, await page.evaluate(() => margin.settings.n), 'answers');
    ok(!found.includes('cancelled'), 'one of them was cancelled');
  });

  for (const [script, text] of Object.entries(TEXTS)) {
    await checks.check(`an answer in ${script} is shown as written`, async () => {
      await page.getByRole('button', { name: 'Write your own' }).click();
      await page.getByRole('textbox', { name: 'Your own answer' }).fill(text);
      await page.getByRole('button', { name: 'Add answer' }).click();
      await page.waitForFunction(() => margin.state.candidates.at(-1).status === 'ready', null, PATIENCE);
      await page.locator('margin-candidate').last().locator('margin-tokens .token.special').waitFor();
      equal((await drawn(page)).trim(), text, 'the tokens');
      const { tokens } = await page.evaluate(async (response) => {
        const [image] = margin.images.list();
        return margin.logps({ image, prompt: 'What?', response });
      }, text);
      equal(tokens.map(({ text: piece, special }) => (special ? '' : piece)).join('').trim(), text, 'the console');
    });
  }
  await page.locator('margin-candidate').last().locator('.token').nth(2).hover();
  await shot('scripts-light');
  await page.evaluate(() => margin.intents.setTheme('dark'));
  await shot('scripts-dark');
  await page.evaluate(() => margin.intents.setTheme('light'));

  await checks.check('Back closes a loss page, keeps the settings, and takes no further entry', async () => {
    const before = await page.evaluate(() => history.length);
    await page.getByRole('button', { name: 'Objectives' }).click();
    await page.getByRole('dialog').waitFor();
    await page.evaluate(() => margin.intents.openGallery('simpo'));
    await page.waitForFunction(() => location.hash.includes('gallery=simpo'), null, PATIENCE);
    await page.evaluate(() => margin.intents.setSetting('temperature', 0.5));
    await shot('loss-page');
    await page.goBack();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.waitForFunction(() => location.hash.includes('t=0.5') && !location.hash.includes('gallery'), null, PATIENCE);
    equal(await page.evaluate(() => margin.settings.temperature), 0.5, 'the temperature');
    equal(await page.evaluate(() => margin.state.notices.filter(({ message }) => /link/.test(message)).length), 0, 'words of a link');
    await page.goForward();
    equal(await page.evaluate(() => margin.settings.temperature), 0.5, 'the temperature after Forward');
    for (let i = 0; i < 3; i++) {
      await page.evaluate(() => margin.intents.openOverlay('about'));
      await page.getByRole('dialog').waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    }
    ok((await page.evaluate(() => history.length)) <= before + 1, 'entries have piled up');
  });

  await checks.check('Back closes what a link opened', async () => {
    await page.goto('about:blank');
    await page.goto(`${url}#gallery=simpo`);
    await page.getByRole('dialog').waitFor();
    await page.waitForFunction(() => globalThis.margin?.state.images.length > 0, null, PATIENCE);
    await page.goBack();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    ok(page.url().startsWith(url), 'the site was left');
  });

  await checks.check('the narrow page holds both scripts and both buttons', async () => {
    await engineReady(page);
    await page.setViewportSize({ width: 390, height: 844 });
    await page.getByRole('tab', { name: /Responses/ }).click();
    await page.getByRole('button', { name: 'Sample responses' }).click();
    await page.getByRole('button', { name: 'Cancel' }).waitFor();
    await shot('narrow-sampling');
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    ok(wide <= 390, `the page is ${wide} wide`);
    await idle();
    await shot('narrow');
    await page.getByRole('tab', { name: /Training/ }).click();
    await shot('narrow-training');
  });

  await checks.check('no errors in the page', async () => equal(errors.join('\n'), '', 'errors'));
});
