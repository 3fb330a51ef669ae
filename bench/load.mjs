// Load-to-ready of the bundled models: the production build, opened in a fresh browser profile (everything fetched,
// compiled and checked) and again in the same profile (files, compiled code and check results remembered).

import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { build, preview } from 'vite';

const root = path.resolve(import.meta.dirname, '..');

/** Milliseconds from navigation to `margin.ready`, and the engine's own share of it. */
async function open(context, url) {
  const page = await context.newPage();
  await page.goto(url);
  const times = await page.evaluate(async () => {
    const { loadMs } = await globalThis.margin.ready;
    return { readyMs: performance.now(), engineMs: loadMs };
  });
  await page.close();
  return times;
}

/** Bytes that a first visit fetches. */
function countBytes(context) {
  const seen = { bytes: 0 };
  context.on('requestfinished', async (request) => {
    const sizes = await request.sizes().catch(() => null);
    if (sizes) seen.bytes += sizes.responseBodySize;
  });
  return seen;
}

/** Measures both visits in a browser started with `args`. */
export async function loadToReady(executablePath, args) {
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'margin-load-'));
  const outDir = path.join(scratch, 'site');
  await build({ root, logLevel: 'error', build: { outDir, emptyOutDir: true } });
  const server = await preview({ root, logLevel: 'error', build: { outDir }, preview: { port: 0 } });
  const context = await chromium.launchPersistentContext(path.join(scratch, 'profile'), {
    executablePath,
    headless: true,
    args: ['--no-sandbox', ...args],
  });
  try {
    const fetched = countBytes(context);
    const url = server.resolvedUrls.local[0];
    const first = await open(context, url);
    const firstBytes = fetched.bytes;
    const again = await open(context, url);
    return { title: 'load to ready, bundled models', first, again, firstBytes };
  } finally {
    await context.close();
    await server.close();
    await rm(scratch, { recursive: true, force: true });
  }
}
