// Does preference training lower hallucination? CLIP-ranked pairs from Toybox scenes, the product's own engine and
// training defaults, and the same held-out scenes before and after.
//
//   npm run study -- --pairs 64 --images 192 --seeds 3 --scenes 200
//
// Options: --trainings '[{"name":"DPO","objective":"dpo_sigmoid","hyperparameters":{"beta":0.1},"config":
// {"learning_rate":1e-4}}]' (default: TRAININGS below), --sampling '{"n":12,"temperature":1}' (deviations from what the
// page does), --first-seed 1, --vlm toybox-vlm, --clip toybox-clip, --out folder (default bench/results/study),
// --gpu (the machine's own GPU; without it SwiftShader). Writes study.json and study.svg there, anew after every training.
// --from study.json draws and sums up what was measured before, by replica.py too.

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { createServer } from 'vite';
import { findBrowser, HARDWARE_FLAGS, SOFTWARE_FLAGS } from '../../tools/browser.mjs';
import { studyFigure, summarise } from './figure.mjs';

const root = path.resolve(import.meta.dirname, '../..');
/** With the defaults of the product. */
const TRAININGS = [
  { name: 'DPO', objective: 'dpo_sigmoid' },
  { name: 'SimPO', objective: 'simpo' },
];

const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '64' },
    images: { type: 'string', default: '192' },
    seeds: { type: 'string', default: '3' },
    scenes: { type: 'string', default: '200' },
    trainings: { type: 'string', default: JSON.stringify(TRAININGS) },
    'first-seed': { type: 'string', default: '1' },
    sampling: { type: 'string', default: '{}' },
    vlm: { type: 'string', default: 'toybox-vlm' },
    clip: { type: 'string', default: 'toybox-clip' },
    out: { type: 'string', default: path.join(root, 'bench/results/study') },
    from: { type: 'string' },
    gpu: { type: 'boolean', default: false },
  },
});

const options = {
  pairs: Number(values.pairs),
  images: Number(values.images),
  seeds: Array.from({ length: Number(values.seeds) }, (_, index) => Number(values['first-seed']) + index),
  scenes: Number(values.scenes),
  trainings: JSON.parse(values.trainings),
  sampling: JSON.parse(values.sampling),
  vlm: values.vlm,
  clip: values.clip,
};

await mkdir(values.out, { recursive: true });
const keep = async (result) => {
  const summary = summarise(result);
  await writeFile(path.join(values.out, 'study.json'), `${JSON.stringify({ ...result, summary }, null, 1)}\n`);
  await writeFile(path.join(values.out, 'study.svg'), studyFigure(result, summary));
  return summary;
};
if (values.from) {
  console.table(await keep(JSON.parse(await readFile(values.from, 'utf8'))));
  process.exit();
}

const scratch = await mkdtemp(path.join(os.tmpdir(), 'margin-study-'));
// No watching: files that change while a study runs must not reload its page.
const server = await createServer({
  root,
  cacheDir: path.join(scratch, 'vite'),
  server: { port: 0, hmr: false, watch: null },
  logLevel: 'warn',
});
await server.listen();
const browser = await chromium.launch({
  executablePath: await findBrowser(),
  args: ['--no-sandbox', ...(values.gpu ? HARDWARE_FLAGS : SOFTWARE_FLAGS)],
});
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  page.on('console', (message) => console.log(message.text()));
  page.on('pageerror', (error) => console.error(error.message));
  await page.goto(new URL('bench/study/page.html', server.resolvedUrls.local[0]).href);
  await page.waitForFunction(() => 'study' in window);
  await page.exposeFunction('keepStudy', keep);
  const summary = await keep(await page.evaluate((given) => window.study(given), options));
  console.table(summary);
  console.log(`${path.relative(process.cwd(), values.out)}/study.json, study.svg`);
} finally {
  await browser.close();
  await server.close();
  await rm(scratch, { recursive: true, force: true });
}
