// Pairs, Train, and the margin moves: on the bundled models, with pause, reload, rewind and the adapter as a file.

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { addPairs, drawn, endToEnd, engineReady, equal, idle, ok, openPage, root, saved, until } from './support.mjs';

const pictures = process.env.MARGIN_PICTURES ? path.join(root, 'tests/.artifacts/training') : null;
if (pictures) await mkdir(pictures, { recursive: true });

const button = (page, name) => page.getByRole('button', { name, exact: true });

const phase = (page, wanted) =>
  until(page, (name) => margin.state.training.phase === name, wanted);

await endToEnd(async ({ checks, browser, url }) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, acceptDownloads: true });
  const { page, errors } = await openPage(context, url);
  checks.page = page;
  const shot = async (name) => {
    if (pictures) await page.screenshot({ path: path.join(pictures, `${name}.png`) });
  };
  const run = () => page.evaluate(() => margin.state.training.runs.at(-1));

  await checks.check('a few pairs are ready to learn from', async () => {
    await engineReady(page);
    await addPairs(page);
    await idle(page);
    await button(page, 'Training').click();
    await shot('before');
    await page.evaluate(() => margin.intents.setTraining({ max_steps: 6, per_device_train_batch_size: 2, learning_rate: 1e-3, eval_scenes: 0, save_steps: 2, phase_times: true }));
  });

  await checks.check('Train moves the margin; Pause keeps the whole steps', async () => {
    await button(page, 'Train').click();
    await until(page, () => margin.state.training.phase === 'training');
    await shot('training');
    await button(page, 'Pause').click();
    await phase(page, 'idle');
    const paused = await run();
    equal(paused.status, 'paused', 'status');
    ok(paused.step >= 1 && paused.step < 6, `paused at step ${paused.step}`);
    await button(page, 'Train').click();
    await until(page, () => margin.state.training.runs.at(-1).status === 'finished');
    await phase(page, 'idle');
    equal(await page.evaluate(() => margin.state.training.runs.length), 1, 'runs');
    await page.getByText(/^GPU ms per step$/).waitFor();
    const phases = (await page.locator('margin-train-phases span').allInnerTexts()).map((text) => text.trim());
    for (const name of ['forward', 'backward', 'optimizer']) {
      ok(phases.some((text) => new RegExp(`^${name} [0-9.,]+$`).test(text)), `${name} among: ${phases.join(' | ')}`);
    }
  });

  await checks.check('the pairs are rescored: policy and reference differ, and the margin is above 0', async () => {
    await until(page, () => margin.state.pairs.every(({ scoredBy }) => scoredBy?.adapter === margin.state.adapter?.key));
    const { batch } = await page.evaluate(() => margin.evaluate());
    ok(batch['rewards/margins'] > 0.01, `rewards/margins is ${batch['rewards/margins']}`);
    ok(batch.loss < Math.LN2, `loss is ${batch.loss}`);
    await shot('after');
  });

  await checks.check('before / after, token by token', async () => {
    await button(page, 'Before / after').click();
    await button(page, 'Compare before / after').click();
    await until(page, () => margin.state.training.comparison?.status === 'done');
    await shot('compare');
  });

  await checks.check('the adapter goes out as a file, and comes back', async () => {
    const [file] = await Promise.all([page.waitForEvent('download'), button(page, 'Export adapter').click()]);
    equal(file.suggestedFilename(), 'margin-adapter.zip', 'file name');
    const trained = await page.evaluate(() => margin.pairs.list()[0].row.chosen);
    await button(page, 'Reset').click();
    await until(page, () => margin.state.adapter === null);
    await page.getByLabel('Adapter file').setInputFiles(await file.path());
    await until(page, () => margin.state.adapter && margin.state.pairs.every(({ scoredBy }) => scoredBy?.adapter === margin.state.adapter.key));
    const back = await page.evaluate(() => margin.pairs.list()[0].row.chosen);
    ok(Math.abs(back - trained) < 1e-3, `the first chosen answer had ${trained} and has ${back}`);
    const { key } = await page.evaluate(() => margin.state.adapter);
    await page.evaluate(() => margin.intents.setTraining({ phase_times: false }));
    await page.reload();
    await engineReady(page);
    equal(await page.evaluate(() => margin.state.adapter?.key), key, 'the imported adapter after a reload');
    const { image, prompt, chosen } = await page.evaluate(() => margin.pairs.list()[0]);
    const { sum } = await page.evaluate((answer) => margin.logps(answer), { image, prompt, response: chosen });
    ok(Math.abs(sum - trained) < 1e-2, `the policy gave ${trained} and gives ${sum} after a reload`);
  });

  await checks.check('an absurd rate stops with a sentence and leaves the imported adapter at work', async () => {
    const { image, prompt, chosen } = await page.evaluate(() => margin.pairs.list()[0]);
    const logp = async () => (await page.evaluate((answer) => margin.logps(answer), { image, prompt, response: chosen })).sum;
    const [{ key }, before] = [await page.evaluate(() => margin.state.adapter), await logp()];
    await page.evaluate(() => margin.intents.setTraining({ learning_rate: 1e30, max_steps: 1 }));
    await button(page, 'Train').click();
    await until(page, () => margin.state.training.runs.at(-1)?.status === 'failed');
    await phase(page, 'idle');
    ok(/not finite numbers/.test((await run()).message), (await run()).message);
    equal(await page.evaluate(() => margin.state.adapter?.key), key, 'the adapter at work');
    equal(await logp(), before, 'log-probability of the first chosen answer');
    await shot('failed');
  });

  await checks.check('a reload costs at most the steps since the last checkpoint', async () => {
    await page.evaluate(() => margin.intents.setTraining({ learning_rate: 1e-3, max_steps: 5, save_steps: 1, eval_scenes: 2, eval_pope_scenes: 1, kl_answers: 2 }));
    await button(page, 'Train').click();
    await until(page, () => margin.state.training.runs.at(-1).step >= 1);
    await saved(page);
    await page.reload();
    await engineReady(page);
    const left = await run();
    equal(left.status, 'paused', 'status');
    ok(left.step >= 1, `step ${left.step}`);
    await button(page, 'Train').click();
    await until(page, () => margin.state.training.runs.at(-1).status === 'finished');
    equal((await run()).step, 5, 'steps');
    await shot('resumed');
  });

  await checks.check('held-out scenes are described and asked about before and after; the policy has moved on its own samples', async () => {
    await phase(page, 'idle');
    const { heldOut, divergence } = await run();
    equal(heldOut.map(({ step }) => step).join(), '0,5', 'examined steps');
    ok(heldOut.every(({ cover }) => cover > 0), 'the model describes something that is there');
    ok(heldOut.every(({ pope }) => pope.scenes === 1 && pope.random > 0), 'the model answers questions');
    equal(divergence.map(({ step, answers }) => `${answers} at ${step}`).join(), '2 at 5', 'measurements of the KL');
    ok(divergence[0].perToken > 0, `KL per token is ${divergence[0].perToken}`);
    await button(page, 'Held-out').click();
    await shot('held-out');
    for (const name of ['Runs 3', 'Settings', 'Curves']) {
      await button(page, name).click();
      await drawn(page);
      await shot(name.toLowerCase().replace(' ', '-'));
    }
    await page.emulateMedia({ colorScheme: 'dark' });
    await shot('curves-dark');
  });

  await checks.check('at 1024 px training is a tab', async () => {
    await page.setViewportSize({ width: 1024, height: 768 });
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.getByRole('tab', { name: 'Training' }).click();
    await button(page, 'Train').waitFor();
    await shot('tab-dark');
  });

  await checks.check('nothing was logged as an error', async () => equal(errors.join('\n'), '', 'errors'));
});
