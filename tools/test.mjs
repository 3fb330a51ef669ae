// `npm test`: every browser test, and beside them types, lint, import rules, the catalog and the end-to-end scripts, since
// neither of the two fills a second core. Ends with one line, `N passed, N failed`, over everything, and exits non-zero when
// anything failed.
// `npm test -- tests/kernels/linear.test.ts tests/e2e/main.e2e.mjs` runs only what is named;
// `npm run test:quick` runs types, lint and the folders of QUICK.

import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { defaultReporter, startTestRunner } from '@web/test-runner';
import { findBrowser } from './browser.mjs';
import { runScript } from './script.mjs';

const root = path.resolve(import.meta.dirname, '..');
process.chdir(root);

/** The folders of `npm run test:quick`: what needs neither a model nor many kernels. */
const QUICK = ['unit', 'losses', 'toybox', 'components'];

let passed = 0;
let failed = 0;

function count(name, ok) {
  if (ok) passed++;
  else failed++;
  console.log(`${ok ? 'passed' : 'FAILED'}: ${name}`);
}

/** Runs an npm script with its output shown; resolves to whether it succeeded. */
function npm(script) {
  return new Promise((resolve) => {
    const child = spawn('npm', ['run', '--silent', script], { stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', () => resolve(false));
    child.on('close', (code) => resolve(code === 0));
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
  if (results.length === 0 || unexplained) count(`${file} as a whole: ${whyLost(session, results.length)}`, false);
}

/** Why the browser session of a file has no results, or failed beside them. */
function whyLost({ status, errors = [], request404s = new Set(), logs = [], browser }, results) {
  const reasons = errors.map(({ message, name }) => message || name);
  if (request404s.size > 0) reasons.push(`not found: ${[...request404s].join(', ')}`);
  if (reasons.length === 0) reasons.push(`the browser session ended as "${status}" without saying why`);
  const said = logs.flat().map(String).slice(-3);
  if (said.length > 0) reasons.push(`its last words: ${said.join(' | ')}`);
  return `${results} results from ${browser?.name ?? 'the browser'}; ${reasons.join('; ')}`;
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
    const result = await runScript(file);
    passed += result.passed;
    failed += result.failed;
    if (result.why) count(`${file}: ${result.why}`, false);
  }
}

const quick = process.argv.includes('--quick');
const named = process.argv.slice(2).flatMap((file) => (file.startsWith('--') ? [] : [file.split(path.sep).join('/')]));
const everything = named.length === 0;
const scripts = readdirSync('tests/e2e').filter((file) => file.endsWith('.e2e.mjs'));
const folders = quick ? QUICK : ['**'];
const specs = everything
  ? folders.map((folder) => `tests/${folder}/*.test.ts`)
  : named.filter((file) => !file.endsWith('.mjs'));
const allEnds = quick ? [] : scripts.sort().map((file) => `tests/e2e/${file}`);
const ends = everything ? allEnds : named.filter((file) => file.endsWith('.mjs'));

const started = Date.now();
try {
  process.env.CHROME_PATH = await findBrowser();
  const beside = async () => {
    if (everything) {
      count('types', await npm('typecheck'));
      count('lint, import rules and model catalog', await npm('lint'));
    }
    await endToEnd(ends);
  };
  await Promise.all([specs.length > 0 && browserTests(specs), beside()]);
} catch (error) {
  console.error(error);
  count('the test run itself', false);
}
console.log(`\n${Math.round((Date.now() - started) / 1000)} s`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
