// Drives the fuzz cases of tests/fuzz in a real browser and watches from outside: whoever hangs, or takes the page down,
// cannot say so.

import { chromium } from 'playwright-core';
import { findBrowser, SOFTWARE_FLAGS } from '../browser.mjs';
import { serve } from '../host.mjs';

/** A case that takes longer hangs, unless it is quicker when it is tried again: a busy machine is no fault. */
const LIMIT_MS = 2000;
/** How long a case may block the page before it is given up. */
const GIVE_UP_MS = 30_000;
const TRIES = 3;

/** What the page may still hold after a target, with everything collected that can be. */
const MOST_HELD = 256 * 2 ** 20;

/**
 * @typedef {{ name: string, cases: number, accepted: number, refused: number, slowest: { index: number, ms: number },
 *   held: number, failures: { index: number, reason: string }[], reasons: Map<string, number> }} TargetReport
 */

/** Opens the page of the fuzzer. `close` ends everything. */
export async function openFuzzer({ limitMs = LIMIT_MS, giveUpMs = GIVE_UP_MS } = {}) {
  const server = await serve();
  const url = new URL('tests/fuzz/page.html', server.url).href;
  const browser = await chromium.launch({
    executablePath: await findBrowser(),
    args: ['--no-sandbox', ...SOFTWARE_FLAGS],
  });
  let page;

  const open = async () => {
    await page?.close().catch(() => {});
    page = await browser.newPage();
    page.setDefaultTimeout(300_000);
    await page.goto(url);
    await page.waitForFunction('globalThis.fuzz !== undefined');
  };

  /** One case, or `null` where it does not end. */
  const once = async (name, seed, index) => {
    let timer;
    const limit = new Promise((resolve) => {
      timer = setTimeout(() => resolve(null), giveUpMs);
    });
    const run = page.evaluate(([...given]) => globalThis.fuzz.run(...given), [name, seed, index]);
    run.catch(() => {});
    return Promise.race([run, limit]).finally(() => clearTimeout(timer));
  };

  /** One case, tried again where it was slow. Never throws: a page that goes down is the case's failure. */
  const tryCase = async (name, seed, index) => {
    let quickest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < TRIES; i++) {
      let result;
      try {
        result = await once(name, seed, index);
      } catch (error) {
        await open();
        return { outcome: 'failed', ms: 0, reason: `it took the page down: ${String(error.message).split('\n')[0]}` };
      }
      if (!result) {
        await open();
        return { outcome: 'failed', ms: giveUpMs, reason: `it hangs: no end after ${giveUpMs / 1000} s` };
      }
      quickest = Math.min(quickest, result.ms);
      if (quickest <= limitMs) return { ...result, ms: quickest };
    }
    const reason = `it hangs: ${Math.round(quickest)} ms at best, and ${limitMs} are allowed`;
    return { outcome: 'failed', ms: quickest, reason };
  };

  /** Bytes the page holds once the browser has collected what nobody needs. */
  const held = async () => {
    const session = await page.context().newCDPSession(page);
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize, backingStorageSize = 0 } = await session.send('Runtime.getHeapUsage');
    await session.detach();
    return usedSize + backingStorageSize;
  };

  await open();
  return {
    names: await page.evaluate(() => globalThis.fuzz.names),
    tryCase,
    show: (name, seed, index) => page.evaluate(([...given]) => globalThis.fuzz.show(...given), [name, seed, index]),
    /**
     * All cases of one target.
     * @returns {Promise<TargetReport>}
     */
    async runTarget(name, seed, cases, onFailure = () => {}) {
      await open();
      const before = await held();
      const report = {
        name,
        cases,
        accepted: 0,
        refused: 0,
        slowest: { index: 0, ms: 0 },
        failures: [],
        reasons: new Map(),
      };
      for (let index = 0; index < cases; index++) {
        const { outcome, ms, reason } = await tryCase(name, seed, index);
        if (ms > report.slowest.ms) report.slowest = { index, ms };
        if (outcome !== 'failed') report[outcome]++;
        if (outcome === 'refused') {
          const kind = reason.replace(/"[^"]*"|\[[^\]]*\]|-?\d[\d.,e+]*/g, '…').slice(0, 100);
          report.reasons.set(kind, (report.reasons.get(kind) ?? 0) + 1);
        }
        if (outcome === 'failed') {
          report.failures.push({ index, reason });
          onFailure({ name, index, reason });
        }
      }
      report.held = (await held()) - before;
      if (report.held > MOST_HELD) {
        const reason = `the page holds ${Math.round(report.held / 2 ** 20)} MiB more than before its cases`;
        report.failures.push({ index: cases, reason });
        onFailure({ name, index: cases, reason });
      }
      return report;
    },
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

/** How many of the cases each target gets. */
export const share = (cases, targets) => Math.max(1, Math.ceil(cases / targets));

/** A line about a target, for people. */
export function line({ name, cases, accepted, refused, failures, slowest, held }) {
  const memory = `${(held / 2 ** 20).toFixed(0)} MiB kept`;
  const slow = `slowest ${Math.round(slowest.ms)} ms (case ${slowest.index})`;
  return `${name.padEnd(16)} ${cases} cases: ${accepted} accepted, ${refused} refused, ${failures.length} failed; ${slow}; ${memory}`;
}

/** How to see one case again. */
export const again = (name, seed, index) => `npm run fuzz -- --only ${name} --seed ${seed} --case ${index}`;
