// One round of a soak: everything the page can do for a while, in turns. Each action leaves the workspace as it found
// it, or `rest` tidies up behind it, so what grows over the rounds is a leak and not a workspace.

import { addPairs, backToToybox, engineReady, idle, picture } from '../../tests/e2e/support.mjs';

/** One after another, two of each family: what an objective needs first (kernels, scores, samples) comes in turn. */
const PER_FAMILY = 2;
const COLOURS = ['#c33', '#36c', '#292', '#a3a', '#c80', '#088'];
/** As deep as the page's own undo history. */
const UNDO_DEPTH = 200;

const button = (page, name) => page.getByRole('button', { name, exact: true });

/** Short answers and few steps: a soak wants many turns, not long ones. */
const SAMPLING = { n: 2, temperature: 1, maxTokens: 16 };
const TRAINING = {
  max_steps: 3,
  per_device_train_batch_size: 2,
  learning_rate: 1e-4,
  save_steps: 1,
  num_generations: 2,
  max_completion_length: 8,
  eval_scenes: 1,
  eval_pope_scenes: 0,
  kl_answers: 1,
};

/** Loads the page, adds a few pairs, and fills the undo history, which is bounded and would look like a leak. */
export async function prepare(page) {
  await engineReady(page);
  await addPairs(page);
  await idle(page);
  // The first picture from outside switches to the photo models, which is not what grows or does not.
  const first = [...(await picture(page, COLOURS[0], 99, 80))];
  const id = await page.evaluate(
    async (content) => (await margin.intents.addImages([new File([new Uint8Array(content)], 'first.png')]))[0].id,
    first,
  );
  await backToToybox(page);
  await page.evaluate((added) => margin.intents.removeImage(added), id);
  await idle(page);
  await page.evaluate(
    ([depth, training, sampling]) => {
      const { intents } = margin;
      const [{ id }] = margin.state.pairs;
      for (let i = 0; i < depth; i += 1) intents.swapPair(id);
      intents.setTraining(training);
      for (const [key, value] of Object.entries(sampling)) intents.setSetting(key, value);
      const { store } = document.querySelector('margin-app').app;
      // Notices go by themselves, and at most five are kept: whoever wants to know about all of them listens.
      const seen = new Set();
      const told = { notices: 0, errors: [] };
      store.subscribe(({ notices }) => {
        for (const { id: notice, tone, message } of notices) {
          if (seen.has(notice)) continue;
          seen.add(notice);
          if (seen.size > 50) seen.delete(seen.values().next().value);
          told.notices += 1;
          if (tone === 'error') told.errors.push(message);
        }
      });
      globalThis.soak = {
        told,
        images: margin.state.images.map((image) => image.id),
        pairs: margin.state.pairs.map((pair) => pair.id),
      };
    },
    [UNDO_DEPTH, TRAINING, SAMPLING],
  );
  const objectives = await page.evaluate((most) => {
    const families = Map.groupBy(margin.objectives, ({ family }) => family);
    const lists = [...families.values()].map((list) => list.slice(0, most).map(({ id }) => id));
    return Array.from({ length: most }, (_, i) => lists.flatMap((list) => list[i] ?? [])).flat();
  }, PER_FAMILY);
  return { objectives };
}

/** What the page said since the last call: number of notices, and the errors among them. */
export const told = (page) =>
  page.evaluate(() => {
    const { notices, errors } = globalThis.soak.told;
    globalThis.soak.told.notices = 0;
    return { notices, errors: errors.splice(0) };
  });

/** Back to the workspace in which the first round began. */
export async function rest(page) {
  await page.evaluate(async () => {
    const { intents } = margin;
    intents.closeOverlay();
    intents.cancel();
    await intents.resetTraining();
    for (const { id } of margin.state.training.runs) await intents.forgetRun(id);
    for (const { id } of margin.state.candidates) intents.removeCandidate(id);
    for (const { id } of margin.state.pairs) if (!soak.pairs.includes(id)) intents.deletePair(id);
    for (const { id } of margin.state.images) if (!soak.images.includes(id)) intents.removeImage(id);
    intents.resetHyperparameters(margin.settings.objective);
    intents.setSetting('objective', 'dpo_sigmoid');
    intents.selectImage(soak.images[0]);
    intents.selectPair(null);
    intents.setBottom('pairs');
    for (const { id } of margin.state.notices) intents.dismissNotice(id);
  });
  await idle(page);
  await page.waitForFunction(() => !document.querySelector('margin-app').shadowRoot.querySelector('margin-overlay'));
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

/** Samples about an image until every answer is scored. */
const sample = (page, image, settings = {}) =>
  page.evaluate(
    async ([id, given]) => {
      let answers = 0;
      for await (const { tokens } of margin.sample({ image: id, ...given })) {
        if (tokens.length === 0) throw new Error('A sampled answer has no token.');
        answers += 1;
      }
      return answers;
    },
    [image, settings],
  );

const train = (page, config = {}) =>
  page.evaluate(async (given) => {
    let steps = 0;
    for await (const { loss } of margin.train(given)) {
      if (!Number.isFinite(loss)) throw new Error(`The loss is ${loss}.`);
      steps += 1;
    }
    return { steps, evaluations: margin.state.training.runs.at(-1).heldOut.length };
  }, config);

async function overlay(page, open, look) {
  await page.evaluate(open);
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  await look?.();
  await page.evaluate(() => margin.intents.closeOverlay());
  await dialog.waitFor({ state: 'detached' });
}

/**
 * The actions of a round, each with what it counts: `{ steps, answers, evaluations }`.
 *
 * @param round its number, from 1
 * @param objectives the ids that take turns
 */
export function actions(page, round, objectives) {
  const objective = objectives[(round - 1) % objectives.length];
  const image = () => page.evaluate((i) => soak.images[i % soak.images.length], round);

  return [
    {
      name: 'switch objective and move its sliders',
      async run() {
        const evaluations = await page.evaluate(async (id) => {
          margin.intents.setSetting('objective', id);
          const { hyperparameters } = margin.objectives.find((each) => each.id === id);
          let count = 0;
          for (const { key, min, max, default: initial } of hyperparameters) {
            for (let i = 0; i <= 10; i += 1) {
              margin.intents.setHyperparameter(id, key, min + ((max - min) * i) / 10);
              await new Promise((resolve) => requestAnimationFrame(resolve));
            }
            margin.intents.setHyperparameter(id, key, initial);
            await margin.evaluate();
            count += 1;
          }
          await margin.evaluate();
          return count + 1;
        }, objective);
        return { evaluations };
      },
    },
    {
      name: 'sample and score',
      async run() {
        const id = await image();
        const answers = await sample(page, id);
        await idle(page);
        await page.evaluate(async (about) => {
          await margin.clipScore({ image: about, texts: ['a cat', 'two lemons'] });
          await margin.logps({ image: about, prompt: 'Describe the image.', response: 'There is a cat.' });
        }, id);
        return { answers };
      },
    },
    {
      name: 'mark a pair and undo it',
      async run() {
        await page.evaluate(async () => {
          const { intents } = margin;
          intents.rankBy('clip');
          const id = intents.addPair() ?? intents.tie();
          if (id === null) return;
          intents.undo();
          intents.redo();
          intents.swapPair(id);
          intents.deletePair(id);
          intents.undo();
          intents.deletePair(id);
        });
        await idle(page);
        return {};
      },
    },
    {
      name: 'add a picture and delete it',
      async run() {
        const bytes = await picture(page, COLOURS[round % COLOURS.length], 100 + (round % 7), 80);
        const id = await page.evaluate(
          async (content) =>
            (await margin.images.add([new File([new Uint8Array(content)], 'soak.png', { type: 'image/png' })]))[0].id,
          [...bytes],
        );
        const answers = await sample(page, id, { n: 1 });
        await idle(page);
        await page.evaluate((added) => {
          margin.intents.removeImage(added);
          margin.intents.undo();
          margin.intents.removeImage(added);
        }, id);
        return { answers };
      },
    },
    {
      name: 'cancel in the middle of sampling',
      async run() {
        await page.evaluate(
          (id) => {
            void margin.intents.sample({ imageId: id, settings: { n: 4, maxTokens: 200, temperature: 2 } });
          },
          await image(),
        );
        await page.waitForFunction(() => margin.state.candidates.some(({ tokens }) => tokens.length > 2));
        await page.evaluate(() => margin.intents.cancel());
        await idle(page);
        return {};
      },
    },
    {
      name: 'pairs by CLIP',
      async run() {
        await page.evaluate(
          async (id) => {
            for await (const pair of margin.pairs.byClip({ images: [id], n: 4, maxTokens: 24, keep: 1 }))
              margin.intents.deletePair(pair.id);
          },
          await image(),
        );
        await idle(page);
        return { answers: 4 };
      },
    },
    {
      name: 'train',
      async run() {
        const first = await train(page);
        await idle(page);
        return first;
      },
    },
    {
      name: 'compare before and after',
      async run() {
        await page.evaluate(() => margin.intents.compare());
        return { answers: 2 };
      },
    },
    {
      name: 'export reset and import the adapter',
      async run() {
        await page.evaluate(async () => {
          const file = await margin.intents.exportAdapter();
          await margin.intents.resetTraining();
          if (!(await margin.intents.importAdapter(file))) throw new Error('The exported adapter was not imported.');
        });
        await idle(page);
        const more = await train(page, { max_steps: 1, eval_scenes: 0 });
        await page.evaluate(() => margin.intents.resetTraining());
        await idle(page);
        return more;
      },
    },
    {
      name: 'open the overlays',
      async run() {
        await overlay(
          page,
          () => margin.intents.openOverlay('explorer'),
          async () => {
            for (const name of ['Map', 'Sensitivity', 'Curves']) {
              await page.getByRole('tab', { name, exact: true }).click();
            }
          },
        );
        await overlay(page, () => margin.intents.openGallery());
        await overlay(page, () => margin.intents.openGallery(margin.settings.objective));
        await overlay(page, () => margin.intents.openOverlay('kernels'));
        await overlay(page, () => margin.intents.openOverlay('about'));
        await button(page, 'Training').click();
        for (const name of ['Held-out', 'Before / after', 'Curves']) await button(page, name).click();
        return {};
      },
    },
    {
      name: 'export and import the workspace',
      async run() {
        await page.evaluate(async () => {
          const { objective, training } = margin.settings;
          const file = await margin.intents.exportWorkspace();
          await margin.intents.exportPairs();
          if (!(await margin.intents.importWorkspace(file)))
            throw new Error('The exported workspace was not imported.');
          margin.intents.setSetting('objective', objective);
          margin.intents.setTraining(training);
        });
        await idle(page);
        return {};
      },
    },
  ];
}
