// A browser on a profile of its own, started as a person starts it: it can be killed and started again on the same
// profile, which a browser that Playwright launched cannot.

import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';

const START_MS = 120_000;

/**
 * Starts a browser on a profile.
 *
 * @returns the Playwright browser connected to it, `kill()` (SIGKILL, settles when the process is gone) and `close()`
 */
export async function startBrowser(executablePath, profile, flags) {
  const portFile = path.join(profile, 'DevToolsActivePort');
  await rm(portFile, { force: true });
  const child = spawn(
    executablePath,
    [
      '--headless=new',
      '--no-sandbox',
      '--no-first-run',
      '--no-default-browser-check',
      '--disable-component-update',
      '--disable-background-networking',
      '--remote-debugging-port=0',
      `--user-data-dir=${profile}`,
      ...flags,
      'about:blank',
    ],
    { stdio: 'ignore' },
  );
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const kill = async () => {
    child.kill('SIGKILL');
    await gone;
    // The other processes of the browser notice and go; two browsers on one profile would quarrel.
    await rm(path.join(profile, 'SingletonLock'), { force: true });
  };
  try {
    const browser = await chromium.connectOverCDP(await endpoint(portFile, child), { timeout: START_MS });
    return {
      browser,
      kill,
      async close() {
        await browser.newBrowserCDPSession().then(
          (session) => session.send('Browser.close'),
          () => {},
        );
        if (!(await Promise.race([gone.then(() => true), sleep(10_000)]))) await kill();
      },
    };
  } catch (error) {
    await kill();
    throw error;
  }
}

/** The address that the browser writes down once it listens. */
async function endpoint(portFile, child) {
  for (const until = Date.now() + START_MS; Date.now() < until && child.exitCode === null; await sleep(50)) {
    const [port, place] = (await readFile(portFile, 'utf8').catch(() => '')).split('\n');
    if (place) return `ws://127.0.0.1:${port}${place}`;
  }
  throw new Error('The browser did not start.');
}
