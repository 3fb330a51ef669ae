// The test runner itself: whatever ends a script, the line it leaves names the step and says why.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runScript } from '../../tools/script.mjs';
import { Checks, ok, root } from './support.mjs';

const folder = await mkdtemp(path.join(root, 'tests/.reasons-'));
const checks = new Checks();

/** Runs a script that has one good step and then `body` as its step "the sad one"; returns what a person would see. */
async function see(body, options) {
  const file = path.join(folder, 'script.e2e.mjs');
  await writeFile(
    file,
    `import { endToEnd, openPage, until } from '../e2e/support.mjs';
    await endToEnd(async ({ checks, browser, url }) => {
      const { page } = await openPage(await browser.newContext(), 'data:text/html,<title>A page</title>');
      checks.page = page;
      await checks.check('a good one', async () => {});
      await checks.check('the sad one', async () => {${body}});
    });`,
  );
  const write = process.stdout.write;
  let seen = '';
  process.stdout.write = (data) => {
    seen += data;
    return true;
  };
  try {
    return { result: await runScript(file, options), get seen() { return seen; } };
  } finally {
    process.stdout.write = write;
  }
}

function expectSeen({ result, seen }, ...words) {
  for (const word of words) ok(seen.includes(word) || result.why?.includes(word), `"${word}" is missing from:\n${seen}\n${result.why}`);
  ok(result.failed > 0 || result.why, 'it counts as a success');
}

await checks.check('a condition that never holds', async () => {
  expectSeen(
    await see('await page.locator("h1").waitFor({ timeout: 500 });'),
    'FAILED: the sad one (after', 'Timeout 500ms exceeded', 'the page: it has not started', 'picture: tests/.artifacts/the-sad-one.png', '1 passed, 1 failed',
  );
});

await checks.check('an error that no step sees', async () => {
  expectSeen(
    await see('setTimeout(() => { throw new Error("from nowhere"); }); await new Promise(() => {});'),
    'FAILED: the sad one', 'from nowhere', '1 passed, 1 failed',
  );
  expectSeen(await see('Promise.reject(new Error("unheard")); await new Promise((r) => setTimeout(r, 2000));'), 'FAILED: the sad one', 'unheard');
});

await checks.check('a page that crashes', async () => {
  expectSeen(await see('await Promise.all([page.waitForFunction("never"), page.goto("chrome://crash").catch(() => {})]);'), 'FAILED: the sad one', 'crash');
});

await checks.check('a script that falls silent is told to say where it is', async () => {
  expectSeen(
    await see('await new Promise(() => setInterval(() => {}, 1000));', { silenceMs: 15_000 }),
    'FAILED: the sad one', 'stopped by the test runner', 'picture: tests/.artifacts/the-sad-one.png',
  );
});

await checks.check('a script that is killed', async () => {
  expectSeen(await see('process.kill(process.pid, "SIGKILL");'), 'it ended with signal SIGKILL, in the step "the sad one"');
});

await checks.check('a script that ends without a word', async () => {
  expectSeen(await see('process.exit(0);'), 'it ended with exit code 0, in the step "the sad one"');
});

await rm(folder, { recursive: true, force: true });
console.log(`${checks.passed} passed, ${checks.failed} failed`);
process.exit(checks.failed > 0 ? 1 : 0);
