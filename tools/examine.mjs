// The held-out examination of models/README.md, taken by the page's own engine in a headless browser:
//
//     node tools/examine.mjs                 100 scenes: descriptions, counts, POPE, CLIP
//     node tools/examine.mjs --scenes 20     fewer
//     node tools/examine.mjs --short         without POPE
//
// Beside the page's table stand the answers that Hugging Face transformers gave to the same questions
// (tests/golden/vlm/examination.json, written by the recipe), graded by the same code.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { createServer } from 'vite';
import { findBrowser, SOFTWARE_FLAGS } from './browser.mjs';

const root = path.resolve(import.meta.dirname, '..');
const { values } = parseArgs({ options: { scenes: { type: 'string', default: '100' }, short: { type: 'boolean' } } });
const size = Number(values.scenes);

/** The stored answers, cut to the questions about the first `size` scenes. */
async function storedAnswers() {
  const { scenes, answers } = JSON.parse(await readFile(path.join(root, 'tests/golden/vlm/examination.json'), 'utf8'));
  return size === scenes ? answers : null;
}

const scratch = await mkdtemp(path.join(os.tmpdir(), 'margin-examine-'));
const server = await createServer({
  root,
  logLevel: 'error',
  cacheDir: path.join(scratch, 'vite'),
  server: { port: 0 },
});
await server.listen();
const browser = await chromium.launch({
  executablePath: await findBrowser(),
  args: ['--no-sandbox', ...SOFTWARE_FLAGS],
});
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  page.on('console', (message) => message.text().includes('answers') && console.log(message.text()));
  page.on('pageerror', (error) => console.log(error.message));
  await page.goto(new URL('tests/support/examine-page.html', server.resolvedUrls.local[0]).href);
  await page.waitForFunction('globalThis.examine !== undefined');
  const report = await page.evaluate(
    ([scenes, everything, other]) => globalThis.examine(scenes, everything, other),
    [size, !values.short, await storedAnswers()],
  );
  console.log(JSON.stringify({ scenes: size, ...report }, null, 2));
} finally {
  await browser.close();
  await server.close();
  await rm(scratch, { recursive: true, force: true });
}
