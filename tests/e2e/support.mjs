// What the end-to-end scripts share: a Vite server, a browser with WebGPU, checks that are counted and never
// stop the run, waits that end with a reason, and the summary line `N passed, N failed`.

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { findBrowser, SOFTWARE_FLAGS } from '../../tools/browser.mjs';
import { serve } from '../../tools/host.mjs';

export const root = path.resolve(import.meta.dirname, '../..');
const artifacts = path.join(root, 'tests/.artifacts');

/** For waits on one element: a CPU renderer beside other work takes its time, and nothing here measures it. */
export const PATIENCE = { timeout: 300_000 };

/** A page on which nothing has changed for this long will not do what a step waits for. */
const QUIET_MS = 240_000;

export class Checks {
  passed = 0;
  failed = 0;
  /** Where a failing check takes its picture. */
  page = null;
  /** The check under way. */
  #step = 'before the first step';
  #started = Date.now();

  /** Runs one check and counts it. Later checks go on, for whatever they can still show. */
  async check(name, body) {
    this.#step = name;
    this.#started = Date.now();
    console.log(`started: ${name}`);
    try {
      await body();
      this.passed += 1;
      console.log(`passed: ${name} (${((Date.now() - this.#started) / 1000).toFixed(1)} s)`);
    } catch (error) {
      await this.fail(error);
    }
  }

  /** Counts a failure of the step under way, with its reason, the page's last state and a picture. */
  async fail(error) {
    this.failed += 1;
    const seconds = ((Date.now() - this.#started) / 1000).toFixed(1);
    const lines = [`FAILED: ${this.#step} (after ${seconds} s)`, ...String(error?.stack ?? error).split('\n')];
    if (this.page) {
      lines.push(`the page: ${await stateOf(this.page)}`);
      await mkdir(artifacts, { recursive: true });
      const file = path.join(artifacts, `${this.#step.replace(/\W+/g, '-').slice(0, 60)}.png`);
      const taken = await this.page.screenshot({ path: file, timeout: 20_000 }).then(
        () => path.relative(root, file),
        (reason) => `none, ${reason.message.split('\n')[0]}`,
      );
      lines.push(`picture: ${taken}`);
    }
    console.log(lines.join('\n  '));
  }
}

/** What the page is doing, in a line; in words where it does not answer. */
export async function stateOf(page) {
  let timer;
  const silent = new Promise((resolve) => {
    timer = setTimeout(() => resolve('it does not answer'), 20_000);
  });
  const asked = page
    .evaluate(() => {
      if (!globalThis.margin) return 'it has not started';
      const { engine, activity, candidates, pairs, images, notices, view, training } = margin.state;
      const { app } = document.querySelector('margin-app');
      return JSON.stringify({
        engine: engine.kind,
        progress: engine.progress,
        error: engine.error?.message,
        activity,
        images: images.length,
        candidates: candidates.map(({ status, tokens }) => `${status} ${tokens.length}`),
        pairs: pairs.map(({ scores, error }) => (scores ? 'scored' : (error ?? 'unscored'))),
        training: training.phase,
        runs: training.runs.map(({ status, step, message }) => [status, step, message]),
        steps: training.run && app.training.log(training.run).length,
        doing: app.training.progress,
        overlay: view.overlay,
        notices: notices.map(({ message }) => message),
      });
    })
    .catch((error) => error.message.split('\n')[0]);
  return Promise.race([asked, silent]).finally(() => clearTimeout(timer));
}

/**
 * Waits for a condition in the page for as long as the page is seen to get on: slow is not dead.
 * @throws Error saying what was waited for, how long, and the page's last state.
 */
export async function until(page, condition, arg = null) {
  const began = Date.now();
  let changed = began;
  let last = '';
  for (;;) {
    try {
      return await page.waitForFunction(condition, arg, { timeout: 30_000 });
    } catch (error) {
      if (error.name !== 'TimeoutError') throw error;
    }
    const now = await stateOf(page);
    if (now !== last) changed = Date.now();
    last = now;
    const [waited, quiet] = [began, changed].map((time) => Math.round((Date.now() - time) / 1000));
    if (1000 * quiet > QUIET_MS) {
      throw new Error(`waited ${waited} s, the last ${quiet} s without any change, for ${condition} of ${JSON.stringify(arg)}`);
    }
    console.log(`  waiting for ${waited} s: ${now}`);
  }
}

/** Settles when everything is drawn: no frame is owed, and every animation that ends has ended. */
export async function drawn(page) {
  await page.evaluate(async () => {
    const moving = (root) => [
      ...root.getAnimations(),
      ...[...root.querySelectorAll('*')].flatMap(({ shadowRoot }) => (shadowRoot ? moving(shadowRoot) : [])),
    ];
    for (let i = 0; i < 2; i++) await new Promise((resolve) => requestAnimationFrame(resolve));
    const ending = moving(document).filter(({ effect }) => Number.isFinite(effect?.getComputedTiming().endTime));
    await Promise.allSettled(ending.map(({ finished }) => finished));
  });
}

/** Saves what is unsaved. */
export const saved = (page) => page.evaluate(() => document.querySelector('margin-app').app.flush());

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
  const server = await serve();
  const { url } = server;
  const executablePath = await findBrowser();
  const browsers = [];
  const launch = async (flags) => {
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', ...flags] });
    browsers.push(browser);
    return browser;
  };
  const checks = new Checks();
  const end = async () => {
    for (const browser of browsers) await browser.close().catch(() => {});
    await server.close();
    await cleanUp();
    console.log(`${checks.passed} passed, ${checks.failed} failed`);
    process.exit(checks.failed > 0 || checks.passed === 0 ? 1 : 0);
  };
  // Ends that no check sees. What they interrupt says its reason once, here.
  let ending = false;
  const endWith = async (reason) => {
    if (ending) return;
    ending = true;
    await checks.fail(reason);
    await end();
  };
  process.on('uncaughtException', endWith);
  process.on('unhandledRejection', endWith);
  process.on('message', () => endWith(new Error('stopped by the test runner')));
  process.channel?.unref();
  try {
    await body({ checks, browser: await launch(SOFTWARE_FLAGS), url, launch });
  } catch (error) {
    if (!ending) await checks.fail(error);
  }
  if (!ending) await end();
}

/** A page that records its errors, violations of its security policy, and every request that leaves this machine. */
export async function openPage(context, url) {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE.timeout);
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI, sourceFile, lineNumber, sample }) => {
      console.error(`security policy: ${effectiveDirective} blocks ${blockedURI} (${sourceFile}:${lineNumber} ${sample})`);
    });
  });
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
  await until(page, () => ['ready', 'unavailable'].includes(globalThis.margin?.state.engine.kind));
  const { engine } = await page.evaluate(() => ({ engine: globalThis.margin.state.engine }));
  if (engine.kind !== 'ready') throw new Error(`the engine is unavailable: ${engine.error.message}`);
  return engine.facts;
}

/** Settles when the first picture from outside has switched to the photo models. */
export const switchedToPhotoModels = (page) =>
  until(page, () => margin.state.settings.vlm === 'photo-vlm' && margin.state.engine.kind === 'ready');

/** The same, and back to Toybox, which the steps after it are about; later pictures only ask. */
export async function backToToybox(page) {
  await switchedToPhotoModels(page);
  await page.evaluate(() => margin.intents.backToToybox());
  equal(await page.evaluate(() => margin.state.settings.vlm), 'toybox-vlm', 'the model after the way back');
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
  await until(page, () => margin.pairs.list().every(({ row }) => row));
}

/** Settles when nothing is sampled or scored any more. */
export async function idle(page) {
  await until(page, () => {
    const { activity, candidates, pairs } = globalThis.margin.state;
    const waiting = ({ status }) => status === 'streaming' || status === 'scoring';
    const unscored = ({ verdict, scores, error }) => verdict === 'preferred' && !scores && !error;
    return !activity && !candidates.some(waiting) && !pairs.some(unscored);
  });
}
