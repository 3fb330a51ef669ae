// Photographs on the bundled photo models: the detector says what it sees under the picture, and judges the answers.

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { endToEnd, engineReady, equal, idle, ok, openPage, root, until } from './support.mjs';

const FILES = ['000000214753.png', '000000377575.png'];

const button = (page, name) => page.getByRole('button', { name, exact: true });

await endToEnd(async ({ checks, browser, url }) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const { page, errors, foreign } = await openPage(context, `${url}#vlm=photo-vlm&clip=photo-clip`);
  checks.page = page;

  await checks.check('photographs show what the detector sees, with its error rates', async () => {
    await engineReady(page);
    await page.evaluate(() => {
      for (const { id } of margin.state.images) margin.intents.removeImage(id);
    });
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), button(page, 'Add images').click()]);
    await chooser.setFiles(FILES.map((name) => path.join(root, 'tests/golden/photo', name)));
    await until(page, () => margin.state.images.length === 2 && margin.state.images.every(({ seen }) => seen));
    await page.evaluate(() => margin.intents.selectImage(margin.state.images[0].id));
    const chips = page.getByRole('list', { name: 'Seen by the detector' }).getByRole('button');
    equal((await chips.allTextContents()).map((text) => text.trim()).join(), '3 horses,sheep,2 people', 'chips');
    const { judged } = JSON.parse(await readFile(path.join(root, 'models/photo-detector/config.json'), 'utf8'));
    const rate = `${(100 * judged.flags_agreed).toFixed(1)} % of right nouns`;
    await page.locator('margin-seen').getByText(rate).waitFor();
  });

  await checks.check('boxes are drawn within the picture on request', async () => {
    await button(page, 'Boxes').click();
    equal(await page.locator('margin-boxes .box').count(), 6, 'boxes');
    const inside = await page.locator('margin-boxes .box').evaluateAll((boxes) =>
      boxes.every((box) => {
        const [a, b] = [box, box.closest('.frame')].map((each) => each.getBoundingClientRect());
        return a.left >= b.left - 1 && a.top >= b.top - 1 && a.right <= b.right + 1 && a.bottom <= b.bottom + 1;
      }),
    );
    ok(inside, 'a box lies outside the picture');
    await button(page, 'Boxes').click();
  });

  await checks.check('margin.look tells what the page shows', async () => {
    const told = await page.evaluate(async () => {
      const [image] = margin.state.images;
      return JSON.stringify(await margin.look({ image })) === JSON.stringify(image.seen);
    });
    ok(told, 'another answer than the page');
  });

  await checks.check('Pair all by detector: chosen answers name more of what it sees, and get CLIP scores', async () => {
    await page.evaluate(() => margin.intents.setSetting('maxTokens', 32));
    await button(page, 'Pair all by detector').click();
    await until(page, () => margin.state.activity?.label === 'Pairs by detector');
    await until(page, () => margin.state.activity?.kind !== 'sample');
    await idle(page);
    const pairs = await page.evaluate(() => margin.pairs.list());
    ok(pairs.length >= 1, 'no pair at all');
    const better = await page.evaluate(async () => {
      const { truthReward } = await import('/src/preference/metrics/truth-reward.ts');
      const { truthOf } = await import('/src/preference/truth.ts');
      return margin.state.pairs.every(({ imageId, chosen, rejected }) => {
        const truth = truthOf(margin.state.images.find(({ id }) => id === imageId));
        return truthReward(chosen, truth) > truthReward(rejected, truth);
      });
    });
    ok(better, 'a chosen answer that is no better by what the detector saw');
    for (const { clip, row } of pairs) ok(row && Number.isFinite(clip.chosen) && Number.isFinite(clip.rejected), 'a pair without scores');
  });

  await checks.check('Mark by detector marks two answers, and what it does not see is said to be not seen', async () => {
    await page.evaluate(() => {
      const [{ id }] = margin.state.images;
      margin.intents.selectImage(id);
      margin.intents.writeCandidate('Three horses and a giraffe in a field.');
      margin.intents.writeCandidate('Three horses in a field.');
    });
    await idle(page);
    await button(page, 'Mark by detector').click();
    const marks = await page.evaluate(() => margin.state.candidates.map(({ text, mark }) => `${mark}: ${text}`).join('\n'));
    equal(marks, 'rejected: Three horses and a giraffe in a field.\nchosen: Three horses in a field.', 'marks');
    const absent = page.locator('margin-candidate .absent.small');
    equal((await absent.allTextContents()).map((text) => text.trim()).join(), 'not seen: giraffe', 'what is not seen');
    ok((await absent.getAttribute('title')).includes('of wrong ones'), 'no error rates beside the verdict');
  });

  await checks.check('nothing went wrong, and nothing left this machine', async () => {
    equal(errors.join('\n'), '', 'errors');
    equal(foreign.join('\n'), '', 'requests');
  });
});
