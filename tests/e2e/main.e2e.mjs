// The whole journey of a person, on the bundled models, in one visit and the next.

import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { drawn, endToEnd, engineReady, equal, idle, near, ok, openPage, picture, saved, switchedToPhotoModels, until } from './support.mjs';

const { log1p, exp, abs } = Math;
const softplus = (x) => Math.max(x, 0) + log1p(exp(-abs(x)));

/** DPO (Rafailov et al. 2023) and SimPO (Meng et al. 2024) of one row, written down once more, independently. */
const REFERENCE = {
  dpo_sigmoid: (row, { beta = 0.5 } = {}) => {
    const ratios = { chosen: row.chosen - row.refChosen, rejected: row.rejected - row.refRejected };
    const rewards = { chosen: beta * ratios.chosen, rejected: beta * ratios.rejected };
    return { rewards, loss: softplus(-(rewards.chosen - rewards.rejected)) };
  },
  simpo: (row, { beta = 10, gamma = 0.5 } = {}) => {
    const rewards = {
      chosen: (beta * row.chosen) / row.chosenLength,
      rejected: (beta * row.rejected) / row.rejectedLength,
    };
    return { rewards, loss: softplus(-(rewards.chosen - rewards.rejected - gamma)) };
  },
};

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The numbers of the page against the reference on the rows the console gives. */
async function compareNumbers(page, objective, hyperparameters) {
  const rows = await page.evaluate(() => margin.pairs.list().filter(({ row }) => row).map(({ row }) => row));
  const expected = rows.map((row) => REFERENCE[objective](row, hyperparameters));
  const wanted = {
    Loss: mean(expected.map(({ loss }) => loss)),
    'Reward chosen': mean(expected.map(({ rewards }) => rewards.chosen)),
    'Reward rejected': mean(expected.map(({ rewards }) => rewards.rejected)),
    'Reward margin': mean(expected.map(({ rewards }) => rewards.chosen - rewards.rejected)),
  };
  const region = page.getByRole('region', { name: 'Live loss' });
  await page.waitForFunction(
    ([loss, count]) => {
      const outputs = document.querySelector('margin-app')?.shadowRoot?.querySelector('margin-objective')?.shadowRoot?.querySelector('margin-live-loss')?.shadowRoot;
      const shown = Number(outputs?.querySelector('output[aria-label="Loss"]')?.textContent);
      return Math.abs(shown - loss) < 1e-3 && outputs.textContent.includes(`mean of ${count} pair`);
    },
    [wanted.Loss, rows.length],
    { timeout: 60_000 },
  ).catch(() => {});
  for (const [name, value] of Object.entries(wanted)) {
    const shown = Number(await region.getByLabel(name, { exact: true }).textContent());
    // Four decimals are shown; the kernel computes in f32.
    near(shown, value, 6e-5 + 2e-5 * abs(value), `${objective}: ${name}`);
  }
  return rows;
}

const button = (page, name, nth = 0) => page.getByRole('button', { name, exact: true }).nth(nth);

/** Presses the button and settles when the new answers, which have new ids, are written and scored. */
async function sampleAgain(page) {
  const known = await page.evaluate(() => margin.state.candidates.map(({ id }) => id));
  await button(page, 'Sample responses').click();
  await until(page, (ids) => margin.state.candidates.some(({ id }) => !ids.includes(id)), known);
  await idle(page);
}

/** Number fields of the sampling row. */
async function setSampling(page, values) {
  for (const [label, value] of Object.entries(values)) {
    await page.getByLabel(label, { exact: true }).fill(String(value));
    await page.getByLabel(label, { exact: true }).blur();
  }
}

await endToEnd(async ({ checks, browser, url }) => {
  const { check } = { check: checks.check.bind(checks) };
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, permissions: ['clipboard-read', 'clipboard-write'] });
  const { page, errors, foreign } = await openPage(context, url);
  checks.page = page;
  let before;

  await check('a first visit has pictures, a prompt and, soon, its models', async () => {
    const facts = await engineReady(page);
    ok(facts.device.adapter !== '', 'the adapter has no name');
    equal(facts.models.length, 2, 'models');
    ok((await page.evaluate(() => margin.state.images.length)) >= 3, 'no sample scenes');
    equal(await page.getByRole('textbox', { name: 'Prompt' }).inputValue(), 'Describe the image.', 'prompt');
  });

  await check('the page does not scroll at 1280 x 800, nor at 1024 x 768', async () => {
    for (const [width, height] of [[1280, 800], [1024, 768]]) {
      await page.setViewportSize({ width, height });
      const size = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]);
      ok(size[0] <= width && size[1] <= height, `${width} x ${height} scrolls: ${size}`);
    }
    equal(await page.getByRole('tab').count(), 4, 'tabs at 1024');
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.getByRole('tab').first().waitFor({ state: 'detached' });
  });

  await check('axe finds nothing serious on the whole page, light and dark', async () => {
    const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    await page.evaluate(source);
    for (const theme of ['light', 'dark']) {
      await page.evaluate((value) => margin.intents.setTheme(value), theme);
      await drawn(page);
      const found = await page.evaluate(async () => {
        const { violations } = await axe.run(document, { resultTypes: ['violations'] });
        return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`);
      });
      equal(found.join('\n'), '', `${theme} theme`);
    }
    await page.evaluate(() => margin.intents.setTheme('system'));
  });

  await check('the first uploaded picture switches to the photo models; one press goes back to Toybox', async () => {
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), button(page, 'Add images').click()]);
    await chooser.setFiles({ name: 'block.png', mimeType: 'image/png', buffer: await picture(page) });
    await until(page, () => margin.state.images.some(({ name }) => name === 'block.png'));
    await switchedToPhotoModels(page);
    equal(await page.evaluate(() => margin.state.settings.clip), 'photo-clip', 'the scorer');
    await until(page, () => margin.state.images.find(({ name }) => name === 'block.png').seen?.by === 'photo-detector');
    await page.getByRole('list', { name: 'Messages' }).getByText('photo models take over').waitFor();
    await button(page, 'Back to Toybox').click();
    await until(page, () => margin.state.settings.vlm === 'toybox-vlm' && margin.state.engine.kind === 'ready');
    await button(page, 'Back to Toybox').waitFor({ state: 'detached' });
  });

  await check('the uploaded picture is selected and answered, token by token, with CLIP scores', async () => {
    await setSampling(page, { Answers: 2, 'Max tokens': 12, Seed: 7 });
    // What is there for a moment only is watched for, not polled: a busy machine would miss it.
    await page.evaluate(() => {
      globalThis.streamed = false;
      document.querySelector('margin-app').app.store.subscribe(({ candidates }) => {
        globalThis.streamed ||= candidates.some(({ status, tokens }) => status === 'streaming' && tokens.length > 0);
      });
    });
    await button(page, 'Sample responses').click();
    await until(page, () => margin.state.candidates.length === 2);
    await idle(page);
    ok(await page.evaluate(() => globalThis.streamed), 'no token was shown before the answers were whole');
    const list = page.getByRole('list', { name: 'Candidates' });
    equal(await list.getByRole('listitem').count(), 2, 'candidates');
    const candidates = await page.evaluate(() => margin.state.candidates);
    for (const { clip, tokens, logpSum } of candidates) {
      ok(clip > -1 && clip < 1, `CLIP score ${clip}`);
      near(logpSum, tokens.reduce((sum, { logp }) => sum + logp, 0), 1e-3, 'sum of token log-probabilities');
      ok(tokens.every(({ logp, entropy, top1 }) => logp <= 1e-6 && entropy >= -1e-6 && top1 > 0 && top1 <= 1.000001), 'a token with impossible numbers');
    }
    await list.getByRole('listitem').first().getByText(candidates[0].logpSum.toFixed(2)).waitFor();
  });

  await check('the same seed gives the same answers', async () => {
    const texts = () => page.evaluate(() => margin.state.candidates.filter(({ imageId }) => imageId === margin.state.selectedImage).map(({ text }) => text));
    const first = await texts();
    await sampleAgain(page);
    equal(JSON.stringify(await texts()), JSON.stringify(first), 'answers');
  });

  await check('marking two answers shows the draft; adding the pair scores it; DPO reads ln 2', async () => {
    const texts = await page.evaluate(() => margin.state.candidates.map(({ text }) => text));
    if (texts[0] === texts[1]) {
      await button(page, 'Edit answer', 1).click();
      await page.getByRole('textbox', { name: 'Text of answer 2' }).fill('Something else entirely.');
      await page.keyboard.press('Enter');
      await idle(page);
    }
    await button(page, 'Mark chosen', 0).click();
    await button(page, 'Mark rejected', 1).click();
    equal(await button(page, 'Mark chosen', 0).getAttribute('aria-pressed'), 'true', 'chosen is pressed');
    await button(page, 'Add pair').click();
    await until(page, () => margin.pairs.list()[0]?.row);
    const [row] = await compareNumbers(page, 'dpo_sigmoid');
    near(Number(await page.getByRole('region', { name: 'Live loss' }).getByLabel('Loss', { exact: true }).textContent()), Math.LN2, 6e-5, 'DPO of equal models');
    near(row.chosen, row.refChosen, 1e-5, 'policy and reference');
    await page.getByText('still the same weights').waitFor();
    ok((await page.evaluate(() => margin.evaluate())).backend === 'wgsl', 'the numbers do not come from the kernel');
  });

  await check('a Toybox scene by keyboard: pick, mark, add', async () => {
    await page.evaluate(() => margin.intents.selectImage(margin.state.images.find(({ scene }) => scene).id));
    await setSampling(page, { Answers: 3, 'Max tokens': 16 });
    await sampleAgain(page);
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press('1');
    await page.keyboard.press('c');
    await page.keyboard.press('2');
    await page.keyboard.press('r');
    await page.keyboard.press('a');
    await until(page, () => margin.pairs.list().filter(({ row }) => row).length === 2);
    await compareNumbers(page, 'dpo_sigmoid');
  });

  await check('SimPO and its sliders, without running the model', async () => {
    await page.getByRole('combobox', { name: 'Objective' }).selectOption('simpo');
    await compareNumbers(page, 'simpo');
    await page.getByRole('slider', { name: 'β beta' }).fill('4');
    await page.getByRole('slider', { name: 'γ gamma' }).fill('1');
    const rows = await compareNumbers(page, 'simpo', { beta: 4, gamma: 1 });
    const { batch } = await page.evaluate(() => margin.evaluate());
    near(batch.loss, mean(rows.map((row) => REFERENCE.simpo(row, { beta: 4, gamma: 1 }).loss)), 1e-4, 'console');
    ok((await page.locator('margin-curve circle').count()) === 2, 'two pairs are two dots');
  });

  await check('the log-probabilities of a pair are those the model gives for its texts', async () => {
    const { pair, logps } = await page.evaluate(async () => {
      const [pair] = margin.pairs.list();
      return { pair, logps: await margin.logps({ image: pair.image, prompt: pair.prompt, response: pair.chosen }) };
    });
    near(pair.row.chosen, logps.sum, 1e-3, 'chosen');
    equal(pair.row.chosenLength, logps.length, 'tokens');
  });

  await check('undo and redo', async () => {
    await page.keyboard.press('Control+z');
    await until(page, () => margin.pairs.list().length === 1);
    await page.keyboard.press('Control+Shift+z');
    await until(page, () => margin.pairs.list().length === 2);
  });

  await check('two answers that CLIP tells apart, in one press', async () => {
    await button(page, 'Mark by CLIP').click();
    const table = await page.evaluate(() => margin.state.candidates.filter(({ imageId }) => imageId === margin.state.selectedImage));
    const clipOf = (wanted) => table.find(({ mark }) => mark === wanted).clip;
    ok(clipOf('chosen') > clipOf('rejected'), `chosen ${clipOf('chosen')}, rejected ${clipOf('rejected')}`);
  });

  await check('cancel in mid-sampling keeps what was written, and sampling works again', async () => {
    await setSampling(page, { Answers: 4, 'Max tokens': 200, Temperature: 2 });
    await button(page, 'Sample responses').click();
    await until(page, () => margin.state.candidates.some(({ status, tokens }) => status === 'streaming' && tokens.length > 2));
    await button(page, 'Cancel').click();
    await until(page, () => margin.state.activity?.kind !== 'sample');
    await idle(page);
    const kept = await page.evaluate(() => margin.state.candidates.filter(({ imageId }) => imageId === margin.state.selectedImage));
    ok(kept.some(({ finish, text }) => finish === 'cancelled' && text.trim()), 'nothing of the cancelled answers is left');
    await setSampling(page, { Answers: 1, 'Max tokens': 6, Temperature: 1 });
    await sampleAgain(page);
  });

  await check('the kernel viewer shows WGSL that ran', async () => {
    await button(page, 'Kernels').click();
    await page.getByRole('dialog', { name: 'Kernels' }).waitFor();
    await page.getByRole('button', { name: /^preference-loss.simpo \d/ }).click();
    await page.getByRole('region', { name: 'Kernel', exact: true }).getByText('pair_loss').first().waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  });

  await check('after a reload everything is still there', async () => {
    await page.evaluate(() => {
      margin.intents.setSetting('maxTokens', 33);
      for (const { id, mark } of margin.state.candidates) if (mark) margin.intents.clearMark(id);
    });
    before = await page.evaluate(() => ({
      images: margin.images.list(),
      pairs: margin.pairs.list(),
      texts: margin.state.candidates.map(({ text }) => text),
      settings: margin.settings,
    }));
    await saved(page);
    await page.reload();
    await until(page, () => globalThis.margin?.state.pairs.length > 0);
    const after = await page.evaluate(() => ({
      images: margin.images.list(),
      pairs: margin.pairs.list(),
      texts: margin.state.candidates.map(({ text }) => text),
      settings: margin.settings,
    }));
    const plain = (value) => JSON.parse(JSON.stringify(value));
    for (const key of Object.keys(before)) {
      // The order of keys is nobody's work.
      ok(isDeepStrictEqual(plain(after[key]), plain(before[key])), `${key}: ${JSON.stringify(after[key])}, not ${JSON.stringify(before[key])}`);
    }
    await engineReady(page);
    await compareNumbers(page, 'simpo', { beta: 4, gamma: 1 });
    ok(await page.evaluate(() => [...document.querySelector('margin-app').shadowRoot.querySelector('margin-images').shadowRoot.querySelectorAll('img')].every(({ naturalWidth }) => naturalWidth > 0)), 'a picture does not draw');
  });

  await check('a link carries the settings to another browser', async () => {
    await button(page, 'Share link').click();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    const other = await browser.newContext();
    const { page: guest } = await openPage(other, link);
    await until(guest, () => globalThis.margin?.state.images.length > 0);
    equal(JSON.stringify(await guest.evaluate(() => margin.settings)), JSON.stringify(before.settings), 'settings');
    await other.close();
  });

  await check('no error on the console, and no request to elsewhere', async () => {
    equal(errors.join('\n'), '', 'errors');
    equal(foreign.join('\n'), '', 'requests');
  });
});
