// Takes the pictures of the README on the bundled models: `node tools/screenshots.mjs`. Overwrites docs/img.

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { endToEnd, engineReady, idle, openPage, PATIENCE, root } from '../tests/e2e/support.mjs';

const folder = path.join(root, 'docs/img');
await mkdir(folder, { recursive: true });

await endToEnd(async ({ checks, browser, url }) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1 });
  const { page } = await openPage(context, url);
  checks.page = page;
  const shot = (name) =>
    checks.check(name, async () => {
      await page.mouse.move(640, 795);
      await page.waitForTimeout(400);
      await page.screenshot({ path: path.join(folder, `${name}.png`) });
    });
  const button = (name) => page.getByRole('button', { name, exact: true });

  await checks.check('pairs on three scenes', async () => {
    await engineReady(page);
    for (const i of [0, 1, 2]) {
      await page.evaluate((index) => margin.intents.selectImage(margin.state.images[index].id), i);
      const known = await page.evaluate(() => margin.state.candidates.length);
      await button('Sample responses').click();
      await page.waitForFunction((count) => margin.state.candidates.length > count, known, PATIENCE);
      await idle(page);
      await button('Mark by CLIP').click();
      await page.waitForTimeout(300);
      if (i < 2) await button('Add pair').click();
      await idle(page);
    }
    await page.evaluate(() => {
      for (const { id } of margin.state.notices) margin.intents.dismissNotice(id);
      document.activeElement?.blur();
    });
  });
  await page.getByRole('combobox', { name: 'Objective' }).selectOption('simpo');
  await page.emulateMedia({ colorScheme: 'light' });
  await shot('page');
  await page.emulateMedia({ colorScheme: 'dark' });
  await shot('page-dark');
  await page.setViewportSize({ width: 1024, height: 768 });
  await page.getByRole('tab', { name: 'Objective' }).click();
  await shot('objective-tab-dark');
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.emulateMedia({ colorScheme: 'light' });
  await button('Explore').click();
  await shot('explorer-curves');
  await page.getByRole('tab', { name: 'Map', exact: true }).click();
  await shot('explorer-map');
  await page.keyboard.press('Escape');
  await button('Kernels').click();
  await page.getByRole('button', { name: /^preference-loss.simpo \d/ }).click();
  await shot('kernels');
});
