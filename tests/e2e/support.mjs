// What the end-to-end scripts share: a Vite server, a browser with WebGPU, checks that are counted and never
// stop the run, and the summary line `N passed, N failed`.

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { createServer } from 'vite';
import { findBrowser, SOFTWARE_FLAGS } from '../../tools/browser.mjs';

export const root = path.resolve(import.meta.dirname, '../..');
const artifacts = path.join(root, 'tests/.artifacts');

/** Loading models and generating on a CPU renderer takes its time; nothing here measures it. */
export const PATIENCE = { timeout: 400_000 };

export class Checks {
  passed = 0;
  failed = 0;
  /** Where a failing check takes its picture. */
  page = null;

  /** Runs one check and counts it. Later checks go on, for whatever they can still show. */
  async check(name, body) {
    const started = Date.now();
    try {
      await body();
      this.passed += 1;
      console.log(`passed: ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
    } catch (error) {
      this.failed += 1;
      console.log(`FAILED: ${name}\n  ${String(error?.stack ?? error).replaceAll('\n', '\n  ')}`);
      await mkdir(artifacts, { recursive: true });
      const file = path.join(artifacts, `${name.replace(/\W+/g, '-').slice(0, 60)}.png`);
      await this.page?.screenshot({ path: file }).catch(() => {});
    }
  }
}

export function equal(actual, expected, what) {
  if (!Object.is(actual, expected)) throw new Error(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
}

export function near(actual, expected, tolerance, what) {
  if (!(Math.abs(actual - expected) <= tolerance)) throw new Error(`${what}: expected ${expected} ± ${tolerance}, got ${actual}`);
}

export function ok(condition, what) {
  if (!condition) throw new Error(what);
}

/**
 * Serves the page, starts a browser, runs `body`, closes everything, prints the sum and exits with it.
 *
 * @param body receives { checks, browser, url, launch }; `launch(flags)` starts another browser
 * @param cleanUp what `body` leaves to be closed or deleted
 */
export async function endToEnd(body, cleanUp = async () => {}) {
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'margin-e2e-'));
  const server = await createServer({
    root,
    logLevel: 'error',
    cacheDir: path.join(scratch, 'vite'),
    server: { port: 0, strictPort: false, hmr: false, watch: null },
  });
  await server.listen();
  const url = server.resolvedUrls.local[0];
  const executablePath = await findBrowser();
  const browsers = [];
  const launch = async (flags) => {
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', ...flags] });
    browsers.push(browser);
    return browser;
  };
  const checks = new Checks();
  try {
    await body({ checks, browser: await launch(SOFTWARE_FLAGS), url, launch });
  } catch (error) {
    checks.failed += 1;
    console.log(`FAILED: the script itself\n  ${error?.stack ?? error}`);
  } finally {
    for (const browser of browsers) await browser.close().catch(() => {});
    await server.close();
    await cleanUp();
    await rm(scratch, { recursive: true, force: true });
  }
  console.log(`${checks.passed} passed, ${checks.failed} failed`);
  process.exit(checks.failed > 0 || checks.passed === 0 ? 1 : 0);
}

/** A page that records its errors and every request that leaves this machine. */
export async function openPage(context, url) {
  const page = await context.newPage();
  // A click, too, may have to wait on a busy machine.
  page.setDefaultTimeout(PATIENCE.timeout);
  const errors = [];
  const foreign = [];
  page.on('pageerror', (error) => errors.push(error.stack ?? String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  context.on('request', (request) => {
    if (/^https?:/.test(request.url()) && !request.url().startsWith(new URL(url).origin)) foreign.push(request.url());
  });
  await page.goto(url);
  return { page, errors, foreign };
}

/** Settles when the models are loaded. Throws with the page's own words when they cannot be. */
export async function engineReady(page) {
  await page.waitForFunction(() => ['ready', 'unavailable'].includes(globalThis.margin?.state.engine.kind), null, PATIENCE);
  const { engine } = await page.evaluate(() => ({ engine: globalThis.margin.state.engine }));
  if (engine.kind !== 'ready') throw new Error(`the engine is unavailable: ${engine.error.message}`);
  return engine.facts;
}

/** A PNG with coloured blocks, made by the browser itself. */
export async function picture(page, colour = '#c33', width = 120, height = 90) {
  const bytes = await page.evaluate(
    async ([fill, w, h]) => {
      const canvas = new OffscreenCanvas(w, h);
      const draw = canvas.getContext('2d');
      draw.fillStyle = '#8c8';
      draw.fillRect(0, 0, w, h);
      draw.fillStyle = fill;
      draw.fillRect(w / 4, h / 4, w / 2, h / 2);
      const blob = await canvas.convertToBlob({ type: 'image/png' });
      return [...new Uint8Array(await blob.arrayBuffer())];
    },
    [colour, width, height],
  );
  return Buffer.from(bytes);
}

/** Clean against hallucinated descriptions of the sample scenes, from their own truth. */
export async function addPairs(page) {
  await page.evaluate(() => {
    const { images } = margin.state;
    for (const { id, scene } of images) {
      const nouns = [...new Set(scene.objects.map(({ noun }) => noun))];
      const there = nouns.map((noun) => `a ${noun}`).join(' and ');
      const wrong = ['cat', 'drum', 'kite'].find((noun) => !nouns.includes(noun));
      margin.intents.addPairOf({
        imageId: id,
        prompt: 'Describe the image.',
        chosen: `There is ${there}.`,
        rejected: `There is ${there} and a ${wrong}.`,
      });
    }
  });
  await page.waitForFunction(() => margin.pairs.list().every(({ row }) => row), null, PATIENCE);
}

/** Settles when nothing is sampled or scored any more. */
export async function idle(page) {
  await page.waitForFunction(() => {
    const { activity, candidates, pairs } = globalThis.margin.state;
    const waiting = ({ status }) => status === 'streaming' || status === 'scoring';
    const unscored = ({ verdict, scores, error }) => verdict === 'preferred' && !scores && !error;
    return !activity && !candidates.some(waiting) && !pairs.some(unscored);
  }, null, PATIENCE);
}
