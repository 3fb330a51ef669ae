// The production build, served as files: it loads its models, fonts and WASM from its own folder and answers once.

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { build, preview } from 'vite';
import { endToEnd, engineReady, equal, idle, ok, openPage, root, until } from './support.mjs';

const site = await mkdtemp(path.join(os.tmpdir(), 'margin-build-'));
const folder = path.join(site, 'margin');
let server;

await endToEnd(
  async ({ checks, browser }) => {
    await checks.check('the build holds one ONNX Runtime and no recipe', async () => {
      await build({ root, logLevel: 'error', build: { outDir: folder, emptyOutDir: true } });
      const files = await readdir(folder, { recursive: true });
      equal(files.filter((name) => name.endsWith('.wasm')).length, 1, 'WASM files');
      ok(files.includes(path.join('models', 'catalog.json')), 'the models are missing');
      equal(files.filter((name) => name.includes('recipe')).length, 0, 'files of the recipe');
    });

    // Below the root of its address, as a project page is served.
    server = await preview({ root, logLevel: 'error', build: { outDir: site }, preview: { port: 0 } });
    const url = new URL('margin/', server.resolvedUrls.local[0]).href;
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const missing = [];
    context.on('response', (response) => {
      if (response.status() >= 400) missing.push(response.url());
    });
    const { page, errors, foreign } = await openPage(context, url);
    checks.page = page;

    await checks.check('it loads its models and answers', async () => {
      await engineReady(page);
      await page.evaluate(() => {
        margin.intents.setSetting('n', 1);
        margin.intents.setSetting('maxTokens', 6);
      });
      await page.getByRole('button', { name: 'Sample responses' }).click();
      await until(page, () => margin.state.candidates.length === 1);
      await idle(page);
      ok(await page.evaluate(() => margin.state.candidates[0].clip !== undefined), 'no CLIP score');
    });

    await checks.check('formulas have their fonts', async () => {
      equal(await page.evaluate(async () => (await document.fonts.load('16px KaTeX_Math', 'β')).length), 1, 'KaTeX_Math');
    });

    await checks.check('nothing is missing, nothing comes from elsewhere, nothing complains', async () => {
      equal(missing.join('\n'), '', 'missing files');
      equal(foreign.join('\n'), '', 'requests to elsewhere');
      equal(errors.join('\n'), '', 'errors');
    });
  },
  async () => {
    await server?.close();
    await rm(site, { recursive: true, force: true });
  },
);
