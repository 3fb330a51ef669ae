// `npm test`: types, lint, import rules and the catalog, every browser test, then the end-to-end scripts. Ends with one line,
// `N passed, N failed`, over everything, and exits non-zero when anything failed.
// `npm test -- tests/kernels/linear.test.ts tests/e2e/sample.e2e.mjs` runs only what is named.

import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { defaultReporter, startTestRunner } from '@web/test-runner';
import { findBrowser } from './browser.mjs';

const root = path.resolve(import.meta.dirname, '..');
process.chdir(root);

/** An end-to-end script that is silent about its end is stopped after this long. */
const E2E_LIMIT_MS = 8 * 60_000;

let passed = 0;
let failed = 0;

function count(name, ok) {
  if (ok) passed++;
  else failed++;
  console.log(`${ok ? 'passed' : 'FAILED'}: ${name}`);
}

/** Runs a command with its output shown; resolves to its exit code and what it printed. */
function run(command, args, { env = {}, limitMs } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (data) => {
      output += data;
      process.stdout.write(data);
    });
    const timer = limitMs && setTimeout(() => child.kill('SIGKILL'), limitMs);
    child.on('error', (error) => resolve({ code: 1, output: String(error) }));
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 1, output });
    });
  });
}

/** Every test of a suite and of the suites inside it. */
function* tests(suite, trail = []) {
  for (const test of suite.tests) yield { ...test, name: [...trail, test.name].join(' > ') };
  for (const inner of suite.suites) yield* tests(inner, [...trail, inner.name]);
}

/** Counts one finished browser session. A skipped test counts as failed: a test that does not run proves nothing. */
function countSession(session) {
  const file = path.relative(root, session.testFile);
  const results = session.testResults ? [...tests(session.testResults)] : [];
  for (const test of results) {
    if (test.passed && !test.skipped) passed++;
    else failed++;
    if (test.skipped) console.log(`FAILED: ${file}: "${test.name}" is skipped`);
  }
  const unexplained = !session.passed && !results.some((test) => !test.passed || test.skipped);
  if (results.length === 0 || unexplained) count(`${file} as a whole`, false);
}

async function browserTests(files) {
  process.env.MARGIN_TESTS = files.join(',');
  let sessions = [];
  const counter = {
    onTestRunFinished: (run) => {
      sessions = run.sessions;
    },
  };
  const runner = await startTestRunner({
    config: { reporters: [defaultReporter(), counter] },
    readCliArgs: false,
    autoExitProcess: false,
  });
  if (!runner) throw new Error('The browser test runner did not start.');
  await new Promise((resolve) => runner.on('stopped', resolve));
  if (sessions.length === 0) count('browser tests: none ran', false);
  for (const session of sessions) countSession(session);
}

/** End-to-end scripts print `N passed, N failed`; one that prints no such line, or dies, counts as one failure. */
async function endToEnd(files) {
  for (const file of files) {
    console.log(`\n${file}`);
    const { code, output } = await run(process.execPath, [file], { limitMs: E2E_LIMIT_MS });
    const sums = [...output.matchAll(/(\d+) passed, (\d+) failed/g)].at(-1);
    passed += Number(sums?.[1] ?? 0);
    failed += Number(sums?.[2] ?? 0);
    if (!sums || (code !== 0 && sums[2] === '0')) count(`${file} (exit code ${code})`, false);
  }
}

const named = process.argv.slice(2).map((file) => file.split(path.sep).join('/'));
const scripts = existsSync('tests/e2e') ? readdirSync('tests/e2e').filter((file) => file.endsWith('.e2e.mjs')) : [];
const specs = named.length > 0 ? named.filter((file) => !file.endsWith('.mjs')) : ['tests/**/*.test.ts'];
const ends =
  named.length > 0 ? named.filter((file) => file.endsWith('.mjs')) : scripts.sort().map((file) => `tests/e2e/${file}`);

const started = Date.now();
try {
  if (named.length === 0) {
    count('types', (await run('npm', ['run', '--silent', 'typecheck'])).code === 0);
    count('lint, import rules and model catalog', (await run('npm', ['run', '--silent', 'lint'])).code === 0);
  }
  process.env.CHROME_PATH = await findBrowser();
  if (specs.length > 0) await browserTests(specs);
  await endToEnd(ends);
} catch (error) {
  console.error(error);
  count('the test run itself', false);
}
console.log(`\n${Math.round((Date.now() - started) / 1000)} s`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
