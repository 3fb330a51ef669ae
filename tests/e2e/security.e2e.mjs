// The Content-Security-Policy, on the dev server and on the build: the page works under it, what it forbids is blocked, and
// text that looks like HTML is text.

import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { build, preview } from 'vite';
import { addPairs, endToEnd, engineReady, equal, idle, ok, openPage, picture, root, until } from './support.mjs';

const site = await mkdtemp(path.join(os.tmpdir(), 'margin-security-'));
let server;

const button = (page, name) => page.getByRole('button', { name, exact: true });

/** A picture's name, a prompt and two answers that would run if any of them became markup. */
const HOSTILE = '<img src=x onerror="globalThis.harmed = true"><script>globalThis.harmed = true</script>';

/** What somebody between the server and the page might put in. */
const INJECTED = `<script>globalThis.harmed = true</script><script src="https://example.org/a.js"></script>
  <style>body { color: red }</style><button id="injected" onclick="globalThis.harmed = true"
  style="position: fixed; top: 0; left: 0; z-index: 9">Press</button>`;

/** Everything of the page that makes markup, workers, WASM or downloads: models, answers, formulas, plots, training. */
async function journey(page) {
  await engineReady(page);
  await addPairs(page);
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), button(page, 'Add images').click()]);
  await chooser.setFiles({ name: `${HOSTILE}.png`, mimeType: 'image/png', buffer: await picture(page) });
  await until(page, () => margin.state.images.some(({ name }) => name.startsWith('<img')) && !margin.state.activity);
  await page.evaluate((text) => {
    const image = margin.state.images.at(-1).id;
    margin.intents.addPairOf({ imageId: image, prompt: text, chosen: text, rejected: `${text} 2` });
    margin.intents.setSetting('prompt', `What is ${text}?`);
    margin.intents.setSetting('n', 1);
    margin.intents.setSetting('maxTokens', 6);
  }, HOSTILE);
  await button(page, 'Sample responses').click();
  await until(page, () => margin.state.candidates.length === 1);
  await idle(page);
  for (const overlay of ['gallery', 'explorer', 'kernels', 'composer', 'about']) {
    await page.evaluate((name) => margin.intents.openOverlay(name), overlay);
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  }
  await page.evaluate(() => margin.intents.openGallery('simpo'));
  await page.locator('margin-loss-page .katex').first().waitFor();
  await page.keyboard.press('Escape');
  await button(page, 'Training').click();
  await page.evaluate(() => {
    margin.intents.setTraining({ max_steps: 1, per_device_train_batch_size: 1, eval_scenes: 0, kl_answers: 0 });
  });
  await button(page, 'Train').click();
  await until(page, () => margin.state.training.runs.at(-1)?.status === 'finished' && margin.state.training.phase === 'idle');
  await idle(page);
}

/** What scripts of somebody else would try. Each gives what came of it. */
const attempts = (page) =>
  page.evaluate(async () => {
    const told = new Set();
    addEventListener('securitypolicyviolation', ({ effectiveDirective }) => told.add(effectiveDirective));
    const said = (act) => {
      try {
        return String(act());
      } catch (error) {
        return error.name;
      }
    };
    // Out of the inspector's own call, which may evaluate strings.
    await new Promise((resolve) => setTimeout(resolve));
    return {
      eval: said(() => globalThis.eval('1 + 1')),
      Function: said(() => new Function('return 2')()),
      markup: said(() => {
        document.createElement('div').innerHTML = '<b>bold</b>';
      }),
      script: said(() => {
        document.createElement('script').src = 'https://example.org/a.js';
      }),
      worker: said(() => new Worker('https://example.org/worker.js')),
      fetch: await fetch('https://example.org/').then(() => 'answered', ({ name }) => name),
      told: await new Promise((resolve) => {
        const look = () => (told.has('connect-src') ? resolve([...told].sort().join()) : setTimeout(look, 20));
        look();
      }),
      policy: document.querySelector('meta[http-equiv="Content-Security-Policy"]')?.content ?? '',
    };
  });

await endToEnd(
  async ({ checks, browser, url }) => {
    const folder = path.join(site, 'margin');
    await checks.check('the build is made', async () => {
      await build({ root, logLevel: 'error', build: { outDir: folder, emptyOutDir: true } });
    });
    // Served as a plain file server would, without the header: what holds is the meta tag.
    server = await preview({
      root,
      logLevel: 'error',
      build: { outDir: site },
      preview: { port: 0 },
      plugins: [{ name: 'no-header', configurePreviewServer: ({ config }) => { config.preview.headers = {}; } }],
    });
    const built = new URL('margin/', server.resolvedUrls.local[0]).href;
    const served = await preview({ root, logLevel: 'error', build: { outDir: site }, preview: { port: 0 } });
    const withHeader = new URL('margin/', served.resolvedUrls.local[0]).href;

    for (const [name, address] of [['npm start', url], ['the build', built], ['npm run preview', withHeader]]) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
      const { page, errors, foreign } = await openPage(context, address);
      checks.page = page;

      await checks.check(`${name}: the page's journey meets no limit of the policy`, async () => {
        await journey(page);
        equal(errors.join('\n'), '', 'errors');
        equal(foreign.join('\n'), '', 'requests to elsewhere');
      });

      await checks.check(`${name}: names and texts with HTML in them are text`, async () => {
        equal(await page.evaluate(() => globalThis.harmed ?? false), false, 'a text became markup');
        await page.getByText('onerror="globalThis.harmed', { exact: false }).first().waitFor();
      });

      await checks.check(`${name}: what nobody needs is blocked, and says so`, async () => {
        const response = await page.request.get(address);
        const { policy: meta, told, ...rest } = await attempts(page);
        const policy = response.headers()['content-security-policy'] ?? meta;
        ok(policy.includes("default-src 'none'"), `the policy is ${policy}`);
        for (const never of ["'unsafe-eval'", 'script-src *', 'http:']) ok(!policy.includes(never), `the policy has ${never}`);
        equal(/script-src[^;]*/.exec(policy)[0], "script-src 'self' 'wasm-unsafe-eval'", 'scripts');
        const wanted = { eval: 'EvalError', Function: 'EvalError', markup: 'TypeError', script: 'TypeError', worker: 'TypeError', fetch: 'TypeError' };
        equal(JSON.stringify(rest), JSON.stringify(wanted), 'attempts');
        equal(told, 'connect-src,require-trusted-types-for', 'violations that were told');
      });

      await checks.check(`${name}: a script put into the page on its way does not run`, async () => {
        await context.route(address, async (route) => {
          const response = await route.fetch();
          const body = (await response.text()).replace('<body>', `<body>${INJECTED}`);
          await route.fulfill({ response, body });
        });
        errors.length = 0;
        await page.goto(address);
        await engineReady(page);
        await page.locator('#injected').click();
        equal(await page.evaluate(() => globalThis.harmed ?? false), false, 'the script ran');
        // To the browser a page that was changed on its way is not of this machine, which stops the dev server's socket, too.
        const told = errors.flatMap((text) => /^security policy: (s\S+)/.exec(text)?.[1] ?? []);
        equal([...new Set(told)].sort().join(), 'script-src-attr,script-src-elem,style-src-elem', `what was blocked by:\n${errors.join('\n')}\n`);
      });
      await context.close();
    }
    await served.close();
  },
  async () => {
    await server?.close();
    await rm(site, { recursive: true, force: true });
  },
);
