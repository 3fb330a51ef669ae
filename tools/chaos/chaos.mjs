// Kills, one after another, in one workspace: before each it is known what the person had done, after each everything
// is looked for.

import { setTimeout as sleep } from 'node:timers/promises';
import { addPairs, idle, PATIENCE } from '../../tests/e2e/support.mjs';
import { findBrowser } from '../browser.mjs';
import { buildInto, scratchFolder } from '../host.mjs';
import { KINDS } from './kinds.mjs';
import { holdings, Ledger } from './ledger.mjs';
import { Random } from './random.mjs';
import { Visit } from './visit.mjs';

export const SAVE_STEPS = 2;
/** Long enough that most kills come in the middle of a run, short enough that runs end between them. */
const MAX_STEPS = 16;

const TRAINING = {
  max_steps: MAX_STEPS,
  save_steps: SAVE_STEPS,
  per_device_train_batch_size: 2,
  learning_rate: 1e-3,
  eval_scenes: 0,
  kl_answers: 0,
};
const SAMPLING = { n: 3, maxTokens: 24 };

/** What the person is at when it happens. */
const ACTIVITIES = ['training', 'training', 'training', 'training', 'sampling', 'nothing'];

/** @returns the kinds of a run of kills: all of them in a random order, then again. */
export function planned(seed, kills, kinds = Object.keys(KINDS)) {
  const random = new Random(seed);
  const plan = [];
  while (plan.length < kills) plan.push(...random.shuffled(kinds));
  return plan.slice(0, kills);
}

/**
 * Runs the kills.
 *
 * @param plan kinds in their order
 * @param seed of the moments; the n-th kill draws from its own numbers, so it can be repeated alone
 * @param first the number of the first kill
 * @param built whether a build is served
 * @param each called with every result as it comes
 * @returns the results: `{ number, kind, moment, lost, young, says, seconds }`
 */
export async function chaos({ plan, seed, first = 1, built = true, each = () => {} }) {
  const scratch = await scratchFolder('chaos');
  const dist = built ? `${scratch.folder}/dist` : undefined;
  if (dist) await buildInto(dist);
  const executablePath = await findBrowser();
  const ledger = new Ledger(SAVE_STEPS);
  const results = [];
  let profiles = 0;
  let visit = null;

  /** A fresh workspace on a fresh profile. */
  const begin = async () => {
    await visit?.end();
    profiles += 1;
    for (const each of [ledger.pairs, ledger.images, ledger.candidates]) each.clear();
    ledger.run = null;
    const profile = `${scratch.folder}/profile-${profiles}`;
    visit = new Visit({ executablePath, profile, dist, random: new Random(seed), ledger });
    await visit.startServer();
    await visit.startBrowser();
    await visit.open();
    await addPairs(visit.page);
    for (const { id } of await visit.page.evaluate(() => margin.images.list())) ledger.hear({ kind: 'image', id });
    await visit.page.evaluate(
      ([training, sampling]) => {
        margin.intents.setTraining(training);
        for (const [key, value] of Object.entries(sampling)) margin.intents.setSetting(key, value);
      },
      [TRAINING, SAMPLING],
    );
    await visit.beginSampling();
    await idle(visit.page);
  };

  try {
    for (const [index, kind] of plan.entries()) {
      const number = first + index;
      const started = Date.now();
      const result = { number, kind, moment: '', lost: [], young: [], says: '' };
      try {
        if (!visit) await begin();
        visit.random = new Random(seed * 1009 + number);
        await oneKill(visit, result);
      } catch (error) {
        result.lost.push(
          `it could not go on: ${String(error?.message ?? error)
            .split('\n')
            .slice(0, 4)
            .join(' ')}`,
        );
        await visit?.end().catch(() => {});
        visit = null;
      }
      result.seconds = (Date.now() - started) / 1000;
      results.push(result);
      each(result);
    }
    if (visit) {
      const last = {
        number: 'end',
        kind: 'none',
        moment: 'the run is trained to its end',
        lost: [],
        young: [],
        says: '',
      };
      last.lost = await toTheEnd(visit).catch((error) => [error.message]);
      results.push(last);
      each(last);
    }
  } finally {
    await visit?.end();
    await scratch.remove().catch(() => {});
  }
  return results;
}

async function oneKill(visit, result) {
  const { ledger, random } = visit;
  const kind = KINDS[result.kind];
  const kept = new Set(ledger.pairs.keys());
  await visit.still();

  const activity = random.pick(ACTIVITIES);
  if (activity === 'training') {
    await visit.beginTraining();
    await visit.moreSteps(random.upTo(5));
  } else if (activity === 'sampling') {
    await visit.beginSampling();
  }
  if (activity !== 'nothing') await sleep(random.upTo(700));
  const pictures = random.next() < 1 / 3 ? [await visit.addPicture()] : [];
  await visit.addPair();
  const gap = random.next() < 1 / 4 ? 0 : random.upTo(200);
  if (gap > 0) await sleep(gap);

  const before = structuredClone(ledger.run);
  const struck = Date.now();
  const at = before && activity === 'training' ? `training, step ${before.step}` : activity;
  result.moment = `${at}, ${gap} ms after a pair${pictures.length > 0 ? ' and a picture' : ''}`;
  await kind.strike(visit);
  if (kind.lives) await recovered(visit);

  const examine = async (hard) => {
    const found = await holdings(visit.page);
    const { lost, young } = ledger.compare(found, { struck, hard });
    result.lost.push(...lost);
    result.young.push(...young);
    return found;
  };
  let found = await examine(kind.hard);
  const present = () => found.runs.find(({ id }) => id === before?.id);
  result.says = [present()?.message, ...found.notices].filter(Boolean).join(' | ');
  const ended = present() && present().status !== 'running' && present().status !== 'finished';
  if (activity === 'training' && ended && !kind.silent && !result.says) result.lost.push('nothing says what happened');
  if (before && activity === 'training') result.steps = `${before.step} → ${present()?.step ?? 'gone'}`;
  // What a hard kill took was taken; from here on only what is there can be lost.
  const there = new Set(found.pairs.map(({ id }) => id));
  for (const id of ledger.pairs.keys()) if (!there.has(id)) ledger.pairs.delete(id);
  for (const id of ledger.images.keys()) if (!found.images.some((each) => each.id === id)) ledger.images.delete(id);
  for (const id of ledger.candidates.keys()) {
    if (!found.candidates.some((each) => each.id === id)) ledger.candidates.delete(id);
  }

  if (kind.lives) {
    // Is it stored, too?
    await visit.still();
    const now = await visit.page.evaluate(() => margin.state.training);
    ledger.startFrom(now.runs.find(({ id }) => id === now.run));
    await visit.page.reload();
    await visit.started();
    found = await examine(false);
  }
  ledger.startFrom(found.runs.find(({ id }) => id === found.run));

  const extra = [...ledger.pairs.keys()].filter((id) => !kept.has(id));
  await visit.removePairs(extra);
  await visit.removePictures(({ name }) => name === 'chaos.png');
  await visit.page.evaluate(() => {
    for (const { id } of margin.state.notices) margin.intents.dismissNotice(id);
  });
  if (activity === 'training' && ledger.run) result.lost.push(...(await goesOn(visit)));
  result.lost.push(...visit.errors.splice(0).map((words) => `an error in the page: ${words.split('\n')[0]}`));
}

/** A page that was not closed comes back by itself: its engine is ready, and its run goes on or has stopped. */
async function recovered({ page, ledger }) {
  // One look: between two the engine may begin to restart, because a lost device is noticed a moment later.
  const seen = await page.waitForFunction(
    () => ['ready', 'unavailable'].includes(margin.state.engine.kind) && margin.state.engine,
    null,
    PATIENCE,
  );
  const engine = await seen.jsonValue();
  if (engine.kind !== 'ready') throw new Error(`the engine is unavailable: ${engine.error.message}`);
  await page.waitForFunction(
    (step) => {
      const { training } = document.querySelector('margin-app').app;
      return margin.state.training.phase === 'idle' || (training.run && training.log(training.run.id).length > step);
    },
    ledger.run?.step ?? 0,
    PATIENCE,
  );
}

/** The run takes its next step from where it stands. */
async function goesOn({ page, ledger }) {
  const { id, step } = ledger.run;
  await page.evaluate(() => {
    globalThis.wentOn = false;
    void margin.intents.train({ steps: 1 }).finally(() => {
      globalThis.wentOn = true;
    });
  });
  await page.waitForFunction(() => globalThis.wentOn, null, PATIENCE);
  const after = await page.evaluate(() => {
    const { training } = margin.state;
    const { id: run, status, step: now, message } = training.runs.at(-1);
    return { run, status, now, message, notices: margin.state.notices.map((notice) => notice.message) };
  });
  const said = [after.message, ...after.notices].filter(Boolean).join(' | ');
  if (after.run !== id) return [`training did not go on with the run but began another one: ${said}`];
  if (after.now !== step + 1) return [`one step from step ${step} led to step ${after.now} (${after.status}): ${said}`];
  ledger.startFrom({ id, step: after.now, status: after.status });
  return [];
}

/** After all kills: the run is trained to its last step. */
async function toTheEnd(visit) {
  await visit.still();
  await visit.beginTraining();
  await visit.page.waitForFunction(() => margin.state.training.phase === 'idle', null, { timeout: 10 * 60_000 });
  const { status, step, message } = await visit.page.evaluate(() => margin.state.training.runs.at(-1));
  return status === 'finished' && step === MAX_STEPS ? [] : [`the last run is ${status} at step ${step}: ${message}`];
}
