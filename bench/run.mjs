// `npm run bench`: Margin's kernels beside other ways of doing the same work, in one run on one machine.
//
//   npm run bench                     in a browser: headless Chrome with the machine's GPU, else a software adapter
//   npm run bench -- --node           in Node, through Dawn
//   npm run bench -- --only linear    only cases whose title contains the word
//   npm run bench -- --software       the software adapter even where there is a GPU
//   npm run bench -- --full           a GPU's sizes, the whole training step among them, also on a software adapter
//
// Results: the table below, and bench/results/latest.json. docs/benchmarks.md says how to read them.

import { createReadStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { findBrowser, HARDWARE_FLAGS, SOFTWARE_FLAGS } from '../tools/browser.mjs';
import { importTypeScript, nodeGpu } from '../tools/node-gpu.mjs';
import { wgslEsbuild } from '../tools/wgsl-plugin.mjs';
import { LOAD_TITLE, measureProduct, SLIDER_TITLE } from './product.mjs';
import { caseTable, crossoverTable, header, productTable } from './report.mjs';

const root = path.resolve(import.meta.dirname, '..');
const { values: options } = parseArgs({
  options: {
    node: { type: 'boolean' },
    only: { type: 'string' },
    software: { type: 'boolean' },
    full: { type: 'boolean', default: false },
  },
});

const MIME = { '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };

/** Serves the bundle, and ONNX Runtime's files beside it. `localhost` is a secure context, as WebGPU wants. */
async function serve() {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'margin-bench-'));
  await build({
    entryPoints: [path.join(root, 'bench/page.ts')],
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    plugins: [wgslEsbuild()],
    logLevel: 'warning',
  });
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    if (pathname === '/') {
      response.setHeader('content-type', 'text/html');
      response.end('<!doctype html><title>bench</title><script type="module" src="/page.js"></script>');
      return;
    }
    const file = pathname.startsWith('/ort/')
      ? path.join(root, 'node_modules/onnxruntime-web/dist', path.basename(pathname))
      : path.join(folder, path.basename(pathname));
    if (!existsSync(file)) {
      response.statusCode = pathname === '/favicon.ico' ? 204 : 404;
      response.end();
      return;
    }
    response.setHeader('content-type', MIME[path.extname(file)] ?? 'application/octet-stream');
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, 'localhost', resolve));
  const close = async () => {
    server.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { url: `http://localhost:${server.address().port}/`, close };
}

async function openPage(browser, url) {
  const page = await browser.newPage();
  await page.goto(url);
  await page.waitForFunction('globalThis.bench !== undefined');
  return page;
}

/** A browser with an adapter: the GPU where there is one, else the software renderer. */
async function launch(url) {
  const executablePath = await findBrowser();
  for (const args of options.software ? [SOFTWARE_FLAGS] : [HARDWARE_FLAGS, SOFTWARE_FLAGS]) {
    const browser = await chromium.launch({ executablePath, headless: true, args: ['--no-sandbox', ...args] });
    const page = await openPage(browser, url);
    const facts = await page.evaluate((full) => globalThis.bench.facts(full), options.full).catch(() => null);
    await page.close();
    if (facts) return { browser, facts, args };
    await browser.close();
  }
  throw new Error('The browser gives no WebGPU adapter, not even a software one.');
}

async function inBrowser({ report, crossover }) {
  const { url, close } = await serve();
  const { browser, facts, args } = await launch(url);
  try {
    const where = `Chrome ${browser.version()} headless, ${os.cpus().length} CPU cores`;
    console.log(`${header(facts, where)}\n`);
    for (const [index, title] of facts.titles.entries()) {
      if (!matches(title)) continue;
      // A page of its own for each case: no pool, no cache and no lost device passes from one to the next.
      const page = await openPage(browser, url);
      const said = [];
      page.on('console', (message) => message.type() === 'error' && said.push(message.text().split('\n')[0]));
      const given = [index, facts.selfCheck, options.full];
      const run = page.evaluate(([i, check, full]) => globalThis.bench.run(i, check, full), given);
      const result = await run.catch((error) => failure(title, error));
      report(result);
      if (said.length > 0 && result.contenders.some(({ status }) => status !== 'ok')) {
        console.log(`  the browser said: ${said[0]}\n`);
      }
      await page.close();
    }
    if (matches(facts.crossoverTitle)) {
      const page = await openPage(browser, url);
      crossover(await page.evaluate((check) => globalThis.bench.crossover(check), facts.selfCheck));
      await page.close();
    }
    if (!matches(LOAD_TITLE) && !matches(SLIDER_TITLE)) return { facts, where };
    const product = await measureProduct(await findBrowser(), args);
    console.log(`${productTable(product)}\n`);
    return { facts, where, product };
  } finally {
    await browser.close();
    await close();
  }
}

async function inNode({ report, crossover }) {
  const gpu = await nodeGpu();
  // The other libraries look for the browser's own door, tfjs already while it is imported.
  const value = { gpu, userAgent: 'Node', hardwareConcurrency: os.cpus().length };
  Object.defineProperty(globalThis, 'navigator', { value, configurable: true });
  const { runAll } = await importTypeScript(path.join(root, 'bench/node.ts'));
  const where = `Node ${process.version}, ${os.cpus().length} CPU cores; one process, so a peak misses what pools kept from the case before`;
  const begin = (found) => console.log(`${header(found, where)}\n`);
  const facts = await runAll(gpu, options.full, matches, { begin, report, crossover });
  return { facts, where };
}

/** The result of a case that did not even start. */
function failure(title, error) {
  return { title, flops: 0, contenders: [{ name: 'all', status: 'failed', message: error.message.split('\n')[0] }] };
}

function matches(title) {
  return options.only === undefined || title.includes(options.only);
}

const started = Date.now();
const results = [];
let objectives;
const { facts, where, product } = await (options.node ? inNode : inBrowser)({
  report(result) {
    results.push(result);
    console.log(`${caseTable(result)}\n`);
  },
  crossover(found) {
    objectives = found;
    console.log(`${crossoverTable(found)}\n`);
  },
});
const file = path.join(root, 'bench/results/latest.json');
await mkdir(path.dirname(file), { recursive: true });
const run = { date: new Date().toISOString(), where, facts, product, results, objectives };
await writeFile(file, `${JSON.stringify(run, null, 2)}\n`);
console.log(`${Math.round((Date.now() - started) / 1000)} s; written to ${path.relative(root, file)}`);
// A contender may fail; a case that fails as a whole is a fault of this benchmark. (Dawn's threads keep Node alive.)
process.exit(results.some(({ contenders }) => contenders[0].name === 'all') ? 1 : 0);
