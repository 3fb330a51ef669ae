// The product as its users meet it: the production build with the bundled models. Load to ready, in a fresh browser
// profile (everything fetched, compiled and checked) and again in the same profile (files, compiled code and check results
// remembered); and, in that second visit, from a slider's new beta to the numbers of 1,000 pairs.

import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { build, preview } from 'vite';

const root = path.resolve(import.meta.dirname, '..');

export const LOAD_TITLE = 'load to ready, bundled models';
/** The bundled pairs of models, and the link that asks for them. */
const MODELS = [
  { name: 'Toybox models', hash: '' },
  { name: 'photo models', hash: '#vlm=photo-vlm&clip=photo-clip' },
];
/** Fresh profiles for each pair of models, in turns: the fastest of them is reported. */
const VISITORS = 3;
export const SLIDER_TITLE = 'slider to numbers: beta changed, 1,000 pairs of DPO, to the GPU and back into the page';

/** Pairs of the slider's row, and moves after the warm-up. */
const PAIRS = 1000;
const MOVES = 40;

/** Milliseconds from navigation to `margin.ready`, and the engine's own share of it; then `more` in the same page. */
async function open(context, url, more = async () => undefined) {
  const page = await context.newPage();
  await page.goto(url);
  const times = await page.evaluate(async () => {
    const { loadMs } = await globalThis.margin.ready;
    return { readyMs: performance.now(), engineMs: loadMs };
  });
  const found = await more(page);
  await page.close();
  return { times, found };
}

/**
 * Times of `margin.evaluate` with a new beta each: page to worker, upload, dispatch, read-back, worker to page. What
 * drawing takes comes on top.
 */
function moveSlider(page) {
  return page.evaluate(
    async ([pairs, moves]) => {
      const wave = (i, step) => 10 * Math.sin(i * step);
      const rows = Array.from({ length: pairs }, (_, i) => {
        const [chosen, rejected] = [-40 + wave(i, 1.1), -45 + wave(i, 1.7)];
        return { chosen, rejected, refChosen: chosen + wave(i, 2.3) / 10, refRejected: rejected + wave(i, 2.9) / 10 };
      });
      const times = [];
      let backend = '';
      let pairsRead = 0;
      for (let move = -5; move < moves; move++) {
        const start = performance.now();
        const hyperparameters = { beta: 0.1 + 0.001 * (move + 5) };
        const evaluation = await globalThis.margin.evaluate({ objective: 'dpo_sigmoid', hyperparameters, pairs: rows });
        if (move >= 0) times.push(performance.now() - start);
        backend = evaluation.backend;
        pairsRead = evaluation.pairs.length;
      }
      times.sort((a, b) => a - b);
      return {
        ...{ pairs: pairsRead, backend, moves },
        medianMs: times[times.length >> 1],
        slowMs: times[Math.floor(0.95 * times.length)],
      };
    },
    [PAIRS, MOVES],
  );
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

/** A visitor's first and next visit, and the slider in the second, in a fresh profile of a browser started with `args`. */
async function visit(executablePath, args, url, profile) {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    args: ['--no-sandbox', ...args],
  });
  try {
    const fetched = countBytes(context);
    const { times: first } = await open(context, url);
    const firstBytes = fetched.bytes;
    const { times: again, found: slider } = await open(context, url, moveSlider);
    return { first, again, firstBytes, slider };
  } finally {
    await context.close();
  }
}

/** The fastest of several visitors, for both visits by themselves. */
function fastest(visits) {
  const least = (which) => visits.map((each) => each[which]).reduce((a, b) => (a.readyMs <= b.readyMs ? a : b));
  return { first: least('first'), again: least('again'), firstBytes: visits[0].firstBytes };
}

/** Measures both visits for every bundled pair of models, and the slider with the first of them. */
export async function measureProduct(executablePath, args) {
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'margin-load-'));
  const outDir = path.join(scratch, 'site');
  await build({ root, logLevel: 'error', build: { outDir, emptyOutDir: true } });
  const server = await preview({ root, logLevel: 'error', build: { outDir }, preview: { port: 0 } });
  try {
    const url = server.resolvedUrls.local[0];
    const visits = MODELS.map(() => []);
    for (let visitor = 0; visitor < VISITORS; visitor++) {
      for (const [i, { hash }] of MODELS.entries()) {
        const profile = path.join(scratch, `profile-${i}-${visitor}`);
        visits[i].push(await visit(executablePath, args, url + hash, profile));
      }
    }
    const rows = MODELS.map(({ name }, i) => ({ name, ...fastest(visits[i]) }));
    return { load: { title: LOAD_TITLE, rows }, slider: { title: SLIDER_TITLE, ...visits[0][0].slider } };
  } finally {
    await server.close();
    await rm(scratch, { recursive: true, force: true });
  }
}
