// Drives the engine, without the page around it, on the bundled models in a headless browser:
//
//     node tools/check-engine.mjs            through the Vite dev server
//     node tools/check-engine.mjs --build    through a production build of the check page
//
// Prints what tests/support/engine-page.ts reports; exit status 1 when something fails, when a request leaves
// this machine, or when a build holds more than one ONNX Runtime WASM.

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { build, createServer, preview } from 'vite';
import { findBrowser, SOFTWARE_FLAGS } from './browser.mjs';

const root = path.resolve(import.meta.dirname, '..');
const built = process.argv.includes('--build');
const scratch = await mkdtemp(path.join(os.tmpdir(), 'check-engine-'));

/** Starts a server and gives its address and the function that stops it. */
async function serve() {
  if (!built) {
    const server = await createServer({ root, cacheDir: path.join(scratch, 'vite'), server: { port: 0 } });
    await server.listen();
    return { url: server.resolvedUrls.local[0], close: () => server.close() };
  }
  const outDir = path.join(scratch, 'dist');
  await build({
    root,
    logLevel: 'warn',
    build: { outDir, emptyOutDir: true, rolldownOptions: { input: path.join(root, 'tests/support/engine-page.html') } },
  });
  const files = await readdir(outDir, { recursive: true });
  const wasm = files.filter((file) => file.endsWith('.wasm'));
  console.log(`wasm: ${wasm.join(', ')}`);
  if (wasm.length !== 1) throw new Error(`the build holds ${wasm.length} WASM files; one is right`);
  const server = await preview({ root, build: { outDir }, preview: { port: 0 } });
  return { url: server.resolvedUrls.local[0], close: () => server.close() };
}

const server = await serve();
const browser = await chromium.launch({
  executablePath: await findBrowser(),
  args: ['--no-sandbox', ...SOFTWARE_FLAGS],
});
let failed = false;
try {
  const page = await browser.newPage();
  page.on('console', (message) => console.log(`[console] ${message.text()}`));
  page.on('pageerror', (error) => console.log(`[error] ${error.message}`));
  const foreign = [];
  page.context().on('request', (request) => {
    if (/^https?:/.test(request.url()) && !request.url().startsWith(server.url)) foreign.push(request.url());
  });
  await page.goto(new URL('tests/support/engine-page.html', server.url).href);
  await page.waitForFunction(() => document.querySelector('#log')?.textContent.includes('result:'), null, {
    timeout: 240_000,
  });
  const log = await page.textContent('#log');
  console.log(log);
  if (foreign.length > 0) console.log(`requests to elsewhere: ${foreign.join(', ')}`);
  failed = !log.includes('"passed"') || foreign.length > 0;
} finally {
  await browser.close();
  await server.close();
  await rm(scratch, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
