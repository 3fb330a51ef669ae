// Does anything grow? The page trains, samples and evaluates in turns for two hours while GPU bytes, JavaScript heaps,
// resident memory, DOM, listeners and storage are written down.
//
//   npm run soak -- --minutes 120
//
// Options: --build (a fresh build instead of the sources), --gpu (the machine's own GPU; without it SwiftShader),
// --every 30 (seconds between rows in the middle of the work), --out folder (default bench/results/soak).
// Writes soak.csv row by row, then soak.md and soak.svg. Ctrl-C ends early and still writes both.
// --figure soak.csv draws and judges a table that is there already.
// Ends with an error when something grew, went wrong or stood still.

import { appendFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { openPage } from '../../tests/e2e/support.mjs';
import { findBrowser, HARDWARE_FLAGS, SOFTWARE_FLAGS } from '../browser.mjs';
import { buildInto, scratchFolder, serve } from '../host.mjs';
import { soakFigure } from './figure.mjs';
import { probe } from './probe.mjs';
import { csvHeader, csvRow, judge, markdown, readCsv } from './report.mjs';
import { actions, prepare, rest, told } from './rounds.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '120' },
    every: { type: 'string', default: '30' },
    out: { type: 'string', default: path.join(root, 'bench/results/soak') },
    figure: { type: 'string' },
    build: { type: 'boolean', default: false },
    gpu: { type: 'boolean', default: false },
  },
});

/** One action takes seconds, on a busy CPU a minute or two: this long without one means that the page hangs. */
const STANDSTILL_MS = 15 * 60_000;
/** What an action waits for at most before it counts as an error and the next one has its turn. */
const WAIT_MS = 5 * 60_000;
/** A soak that goes on failing shows nothing more. */
const MOST_ERRORS = 10;

async function report(rows, folder, { where = '', problems = [] } = {}) {
  const verdicts = judge(rows);
  const last = rows.at(-1);
  const counts = last
    ? `${Math.round(last.minute)} minutes, ${last.round} rounds, ${last.actions} actions: ${last.steps} training steps, ${last.answers} sampled answers, ${last.evaluations} evaluations, ${last.notices} notices, ${last.errors} errors.`
    : 'Nothing was recorded.';
  const said = [`# Soak\n\n${where}\n\n${counts}\n`, markdown(verdicts)];
  if (problems.length > 0) said.push(`## Errors\n\n${problems.map((problem) => `- ${problem}\n`).join('')}`);
  await writeFile(path.join(folder, 'soak.md'), said.join('\n'));
  await writeFile(path.join(folder, 'soak.svg'), soakFigure(rows, where));
  console.log(`\n${said.join('\n')}`);
  console.log(`${path.relative(process.cwd(), folder) || '.'}/soak.csv, soak.md, soak.svg`);
  return verdicts.every(({ flat }) => flat) && problems.length === 0 && (last?.errors ?? 1) === 0;
}

if (values.figure) {
  const rows = readCsv(await readFile(values.figure, 'utf8'));
  process.exit((await report(rows, path.dirname(path.resolve(values.figure)))) ? 0 : 1);
}

await mkdir(values.out, { recursive: true });
const table = path.join(values.out, 'soak.csv');
await writeFile(table, csvHeader);

const rows = [];
const problems = [];
const counts = { steps: 0, answers: 0, evaluations: 0, actions: 0, notices: 0, errors: 0 };
let round = 0;
let at = 'start';
let moved = Date.now();
let stop = '';

const problem = (words) => {
  counts.errors += 1;
  const line = `round ${round}, ${at}: ${String(words).replaceAll('\n', ' ').slice(0, 600)}`;
  problems.push(line);
  console.log(`ERROR ${line}`);
};
// The first Ctrl-C ends the work and writes the report; a second one ends everything.
process.once('SIGINT', () => {
  stop ||= 'stopped by hand';
});

const scratch = await scratchFolder('soak');
const dist = values.build ? path.join(scratch.folder, 'dist') : undefined;
if (dist) await buildInto(dist);
const server = await serve({ dist });
const browser = await chromium.launch({
  executablePath: await findBrowser(),
  args: ['--no-sandbox', ...(values.gpu ? HARDWARE_FLAGS : SOFTWARE_FLAGS)],
  handleSIGINT: false,
});
let where = '';
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  context.setDefaultTimeout(WAIT_MS);
  const { page, errors } = await openPage(context, server.url);
  page.on('crash', () => {
    problem('the page crashed');
    stop ||= 'the page crashed';
  });
  const { objectives } = await prepare(page);
  const { adapter } = (await page.evaluate(() => margin.state.engine.facts)).device;
  where = `${adapter}; Chromium ${browser.version()}; ${os.cpus().length} × ${os.cpus()[0].model.trim()}; ${values.build ? 'build' : 'sources'}`;
  console.log(`${where}\nObjectives in turn: ${objectives.join(', ')}`);
  const read = await probe(browser, page);
  const started = Date.now();
  const minute = () => Math.round((Date.now() - started) / 600) / 100;
  const over = () => stop !== '' || Date.now() - started >= Number(values.minutes) * 60_000;

  let reading = Promise.resolve();
  /** One row; rows come one after another, and one that cannot be had is an error, not the end. */
  const record = (place) => {
    reading = reading.then(async () => {
      try {
        const sizes = await read();
        const said = await told(page);
        counts.notices += said.notices;
        for (const words of [...said.errors, ...errors.splice(0)]) problem(words);
        const row = { minute: minute(), round, at: place, ...sizes, ...counts };
        rows.push(row);
        appendFileSync(table, csvRow(row));
      } catch (error) {
        if (!over()) problem(`no reading: ${error.message}`);
      }
    });
    return reading;
  };
  const ticker = setInterval(() => void record(at), Number(values.every) * 1000);
  // Waiting for the page may take for ever when it hangs, so somebody else looks at the clock.
  const ended = new Promise((resolve) => {
    setInterval(() => {
      if (Date.now() - moved > STANDSTILL_MS && !stop) {
        problem(`no action ended in ${STANDSTILL_MS / 60_000} minutes`);
        stop = 'it stood still';
      }
      if (counts.errors >= MOST_ERRORS) stop ||= 'too many errors';
      if (stop) resolve();
    }, 500).unref();
  });

  const work = async () => {
    await record('rest');
    while (!over()) {
      round += 1;
      for (const action of actions(page, round, objectives)) {
        if (over()) return;
        at = action.name;
        try {
          for (const [what, count] of Object.entries(await action.run())) counts[what] += count;
        } catch (error) {
          if (!stop) problem(error.message);
        }
        counts.actions += 1;
        moved = Date.now();
      }
      at = 'rest';
      await rest(page);
      await record('rest');
      const { minute: now, gpu_live, heap_page, heap_worker, rss_gpu, rss_renderer } = rows.at(-1) ?? {};
      console.log(
        `${now} min, round ${round}: GPU ${gpu_live}, heaps ${heap_page} + ${heap_worker}, GPU process ${rss_gpu}, renderer ${rss_renderer} MiB; ${counts.steps} steps, ${counts.answers} answers, ${counts.errors} errors`,
      );
    }
  };
  await Promise.race([work().catch((error) => problem(error.stack ?? error)), ended]);
  clearInterval(ticker);
  await Promise.race([reading, ended]);
  if (stop) console.log(`Ended early: ${stop}.`);
} catch (error) {
  problem(error.stack ?? error);
}
const good = await report(rows, values.out, { where, problems });
const closed = Promise.allSettled([browser.close(), server.close(), scratch.remove()]);
// A hanging browser must not hold up the end.
await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 15_000))]);
process.exit(good ? 0 : 1);
