// What may come between two steps of a run: a button, a rewind, a lost device, a frozen worker, a full disk, an absurd
// rate. On the bundled models, and each time with the very numbers of the run that nothing interrupted.

import { addPairs, endToEnd, engineReady, equal, idle, ok, openPage, PATIENCE, until } from './support.mjs';

/** As many times faster runs the page's clock while the watchdog waits for a frozen worker. */
const HASTE = 6;

/** How much longer a read-back takes on a slow GPU: half a minute of the page's clock when that is hurried. */
const SLOW_MS = 6000;

const button = (page, name) => page.getByRole('button', { name, exact: true });

await endToEnd(async ({ checks, browser, url }) => {
  const { page, errors } = await openPage(await browser.newContext({ viewport: { width: 1280, height: 800 } }), url);
  checks.page = page;
  const run = () => page.evaluate(() => margin.state.training.runs.at(-1));
  const losses = () =>
    page.evaluate(() => {
      const { training } = document.querySelector('margin-app').app;
      return [...training.log(margin.state.training.run).column('loss')].join();
    });
  /** What the policy says of the first chosen answer. */
  const logp = (model = 'policy') =>
    page.evaluate(async (asked) => {
      const { image, prompt, chosen } = margin.pairs.list()[0];
      return (await margin.logps({ image, prompt, response: chosen, model: asked })).sum;
    }, model);
  const still = () => until(page, () => margin.state.training.phase === 'idle');

  /** Settles as soon as a run has logged a step beyond `step`. */
  const stepAfter = (step) =>
    page.evaluate(
      (known) =>
        new Promise((resolve) => {
          const { training } = document.querySelector('margin-app').app;
          const stop = training.subscribe(() => {
            if (training.log(margin.state.training.run).length <= known) return;
            stop();
            resolve();
          });
        }),
      step,
    );

  /** Presses Train, and acts in the middle of the run. */
  async function trainAnd(act) {
    await button(page, 'Train').click();
    await stepAfter(1);
    await act();
    await still();
  }

  /** Lets the page's clock run faster, as the watchdog sees it; `delete performance.now` ends it. */
  const hurry = () =>
    page.evaluate((haste) => {
      const now = performance.now.bind(performance);
      const from = now();
      performance.now = () => from + haste * (now() - from);
    }, HASTE);

  /** Goes on to the end, and compares everything with the run that nothing interrupted. */
  async function expectWhole() {
    await button(page, 'Train').click();
    await until(page, () => margin.state.training.runs.at(-1).status === 'finished');
    await still();
    equal(await losses(), whole.losses, 'losses');
    equal(await logp(), whole.logp, 'log-probability of the first chosen answer');
  }

  async function reset() {
    await button(page, 'Reset').click();
    await until(page, () => margin.state.adapter === null && margin.state.training.run === null);
  }

  let whole;
  await checks.check('a run of four steps that nothing interrupts', async () => {
    await engineReady(page);
    await addPairs(page);
    await idle(page);
    await button(page, 'Training').click();
    await page.evaluate(() => margin.intents.setTraining({ max_steps: 4, per_device_train_batch_size: 2, learning_rate: 1e-3, eval_scenes: 0, save_steps: 1 }));
    await button(page, 'Train').click();
    await until(page, () => margin.state.training.runs.at(-1)?.status === 'finished');
    await still();
    whole = { losses: await losses(), logp: await logp() };
    equal(whole.losses.split(',').length, 4, 'losses');
  });

  await checks.check('going back to a checkpoint and on again gives the same numbers', async () => {
    await page.evaluate(() => margin.intents.rewindTraining(2));
    equal((await run()).step, 2, 'step');
    ok((await logp()) !== whole.logp, 'the adapter of step 2 is that of step 4');
    await expectWhole();
  });

  await checks.check('Step takes one step; a device lost in mid-training costs the steps since the checkpoint', async () => {
    await reset();
    await button(page, 'Step').click();
    await until(page, () => margin.state.training.runs.at(-1).step === 1);
    await still();
    equal((await run()).status, 'paused', 'status');
    equal(await losses(), whole.losses.split(',')[0], 'the first loss');
    await trainAnd(() => page.evaluate(() => document.querySelector('margin-app').app.engine.destroyDevice()).catch(() => {}));
    const left = await run();
    equal(left.status, 'paused', 'status');
    ok(left.step >= 1 && left.step < 4, `lost at step ${left.step}`);
    await engineReady(page);
    await expectWhole();
  });

  await checks.check('Pause while the GPU takes long waits for it, and keeps the steps', async () => {
    await reset();
    const engine = page.workers().find((worker) => worker.url().includes('engine/worker'));
    await trainAnd(async () => {
      await engine.evaluate((slow) => {
        const { mapAsync } = GPUBuffer.prototype;
        globalThis.quick = () => {
          GPUBuffer.prototype.mapAsync = mapAsync;
        };
        GPUBuffer.prototype.mapAsync = async function (...range) {
          await new Promise((resolve) => setTimeout(resolve, slow));
          return mapAsync.apply(this, range);
        };
      }, SLOW_MS);
      await hurry();
      await button(page, 'Pause').click();
      await page.getByRole('button', { name: 'Stop now' }).first().waitFor(PATIENCE);
      equal(await page.evaluate(() => margin.state.training.phase), 'pausing', 'phase');
    });
    await page.evaluate(() => delete performance.now);
    await engine.evaluate(() => globalThis.quick());
    const left = await run();
    equal(left.status, 'paused', 'status');
    equal(left.message, undefined, 'message');
    ok(left.step >= 1 && left.step < 4, `paused at step ${left.step}`);
    equal(await page.evaluate(() => margin.state.engine.kind), 'ready', 'engine');
    equal(page.workers().includes(engine), true, 'the worker is the same');
    await expectWhole();
  });

  await checks.check('a worker that freezes in mid-training is replaced, and the run goes on, without a checkpoint too', async () => {
    await reset();
    await page.evaluate(() => margin.intents.setTraining({ save_steps: 0 }));
    const engine = page.workers().find((worker) => worker.url().includes('engine/worker'));
    await trainAnd(async () => {
      await stepAfter(2);
      void engine.evaluate(() => {
        for (;;);
      }).catch(() => {});
      await hurry();
    });
    await page.evaluate(() => delete performance.now);
    const left = await run();
    equal(left.status, 'paused', 'status');
    ok(/stopped answering/.test(left.message), left.message);
    ok(left.step >= 1 && left.step < 4, `frozen at step ${left.step}`);
    await engineReady(page);
    await expectWhole();
    await page.evaluate(() => margin.intents.setTraining({ save_steps: 1 }));
  });

  await checks.check('a browser without room keeps what it has, and the next visit goes on from there', async () => {
    await reset();
    await button(page, 'Step').click();
    await until(page, () => margin.state.training.runs.at(-1).step === 1);
    await still();
    const { origin } = new URL(url);
    const storage = await page.context().newCDPSession(page);
    const { usage } = await storage.send('Storage.getUsageAndQuota', { origin });
    await storage.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: usage + 1000 });
    await button(page, 'Step').click();
    await until(page, () => margin.state.training.runs.at(-1).step === 2);
    await still();
    await page.getByText(/no more room .* what was saved before is kept/).waitFor();
    equal((await run()).checkpoints.join(), '1', 'checkpoints');
    await storage.send('Storage.overrideQuotaForOrigin', { origin });
    await page.evaluate(() => margin.intents.setSetting('seed', 2));
    await page.reload();
    await engineReady(page);
    equal((await run()).step, 1, 'step');
    await expectWhole();
  });

  await checks.check('after an absurd rate the adapter of the last good step is at work', async () => {
    const before = (await run()).id;
    // The first step of a warm-up changes nothing: it is good, and the second is not.
    await page.evaluate(() => margin.intents.setTraining({ learning_rate: 1e30, warmup_steps: 1, max_grad_norm: 0, save_steps: 0, kl_steps: 2, kl_answers: 1 }));
    for (const press of ['Train', 'Step']) {
      await button(page, press).click();
      await until(page, (id) => margin.state.training.run !== id && margin.state.training.phase === 'idle', before);
      const { id, status, step, message } = await run();
      equal(`${status} at ${step}`, 'failed at 1', `after ${press}`);
      ok(/^After step 2 .* not finite numbers.* The adapter after step 1 is kept\./.test(message), message);
      equal(await page.evaluate(() => margin.state.adapter?.key), `${id}@1`, 'the adapter at work');
      equal(await logp(), await logp('reference'), 'log-probability: the first step changed nothing');
    }
  });

  await checks.check('nothing was logged as an error', async () => equal(errors.join('\n'), '', 'errors'));
});
