// One workspace in one browser profile, and what a person does in it.

import { setTimeout as sleep } from 'node:timers/promises';
import { engineReady, PATIENCE, picture } from '../../tests/e2e/support.mjs';
import { SOFTWARE_FLAGS } from '../browser.mjs';
import { serve } from '../host.mjs';
import { startBrowser } from './browser.mjs';

const COLOURS = ['#c33', '#36c', '#292', '#a3a', '#c80', '#088'];

/** Runs in the page: everything that comes into the state is told, and every step. */
function tellAll() {
  const { app } = document.querySelector('margin-app');
  const known = new Set();
  const look = ({ pairs, candidates }) => {
    for (const { id, chosen, rejected, prompt, imageId } of pairs) {
      if (known.has(id)) continue;
      known.add(id);
      void chaosHears({ kind: 'pair', id, chosen, rejected, prompt, imageId });
    }
    for (const { id, text, status } of candidates) {
      if (known.has(id) || status === 'streaming') continue;
      known.add(id);
      void chaosHears({ kind: 'candidate', id, text });
    }
  };
  look(app.store.state);
  app.store.subscribe(look);
  let newest = '';
  app.training.subscribe(() => {
    const { run } = app.training;
    if (!run) return;
    const step = app.training.log(run.id).length;
    if (newest === `${run.id}@${step}`) return;
    newest = `${run.id}@${step}`;
    void chaosHears({ kind: 'step', run: run.id, step });
  });
}

export class Visit {
  errors = [];
  #browser;
  #context;

  /** @param dist folder of the build that is served; the sources without it */
  constructor({ executablePath, profile, dist, random, ledger, flags = SOFTWARE_FLAGS }) {
    Object.assign(this, { executablePath, profile, dist, random, ledger, flags, saveSteps: ledger.saveSteps });
  }

  async startServer() {
    // The same address as before: a workspace belongs to its origin.
    this.server = await serve({ dist: this.dist, port: this.url ? Number(new URL(this.url).port) : 0 });
    this.url ??= this.server.url;
  }

  async startBrowser() {
    this.#browser = await startBrowser(this.executablePath, this.profile, this.flags);
    [this.#context] = this.#browser.browser.contexts();
    this.#context.setDefaultTimeout(PATIENCE.timeout);
    await this.#context.exposeBinding('chaosHears', (_source, fact) => this.ledger.hear(fact));
  }

  get browser() {
    return this.#browser.browser;
  }

  killBrowser = () => this.#browser.kill();

  /** A new tab with the page in it. */
  async open() {
    this.page = await this.#context.newPage();
    this.page.on('pageerror', (error) => this.errors.push(error.stack ?? String(error)));
    this.cdp = await this.#context.newCDPSession(this.page);
    await this.page.goto(this.url);
    await this.started();
  }

  /** The page is there, with its models. */
  async started() {
    await engineReady(this.page);
    await this.page.evaluate(tellAll);
  }

  async end() {
    await this.#browser?.close().catch(() => {});
    await this.server?.close().catch(() => {});
  }

  /** Settles when nothing is trained; a run that a pause ended stays where it was. */
  async still() {
    await this.page.evaluate(() => {
      margin.intents.pauseTraining();
      margin.intents.cancel();
    });
    await this.page.waitForFunction(
      () => margin.state.training.phase === 'idle' && margin.state.activity?.kind !== 'sample',
      null,
      PATIENCE,
    );
  }

  /** Waits until the page has shown so many steps more; at once where nothing is trained. */
  async moreSteps(count) {
    const from = this.ledger.run?.step ?? 0;
    const over = () => (this.ledger.run?.step ?? 0) >= from + count;
    for (const until = Date.now() + PATIENCE.timeout; !over() && Date.now() < until; await sleep(20)) {
      if ((await this.page.evaluate(() => margin.state.training.phase)) === 'idle') return;
    }
  }

  /** A preference as the console adds it. Settles when the page has it, and not a moment later. */
  async addPair() {
    const pair = await this.page.evaluate((number) => {
      const imageId = margin.state.images[number % margin.state.images.length].id;
      const texts = {
        imageId,
        prompt: 'Describe the image.',
        chosen: `There is ${number}.`,
        rejected: `No ${number}.`,
      };
      return { id: margin.intents.addPairOf(texts), ...texts };
    }, this.random.upTo(1e6));
    this.ledger.hear({ kind: 'pair', ...pair });
    return pair.id;
  }

  /** A picture of its own bytes. */
  newPicture = (width = 90) =>
    picture(this.page, this.random.pick(COLOURS), width + this.random.upTo(200), 60 + this.random.upTo(60));

  async addPicture() {
    const bytes = await this.newPicture();
    const [{ id }] = await this.page.evaluate(
      (content) => margin.images.add([new File([new Uint8Array(content)], 'chaos.png', { type: 'image/png' })]),
      [...bytes],
    );
    this.ledger.hear({ kind: 'image', id });
    return id;
  }

  async removePictures(which) {
    const gone = (await this.page.evaluate(() => margin.images.list())).filter(which).map(({ id }) => id);
    await this.page.evaluate((ids) => {
      for (const id of ids) margin.intents.removeImage(id);
    }, gone);
    for (const id of gone) this.#forgetPicture(id);
  }

  #forgetPicture(id) {
    this.ledger.images.delete(id);
    for (const [pair, { imageId }] of this.ledger.pairs) if (imageId === id) this.ledger.pairs.delete(pair);
  }

  async removePairs(ids) {
    await this.page.evaluate((gone) => {
      for (const id of gone) margin.intents.deletePair(id);
    }, ids);
    for (const id of ids) this.ledger.pairs.delete(id);
  }

  /** Answers about a picture, which take the place of its earlier ones. */
  async beginSampling() {
    const table = await this.page.evaluate(() => margin.state.candidates.map(({ id }) => id));
    await this.page.evaluate(() => {
      for (const { id } of margin.state.candidates) margin.intents.removeCandidate(id);
    });
    for (const id of table) this.ledger.candidates.delete(id);
    await this.page.evaluate(() => void margin.intents.sample({ imageId: margin.state.images[0].id }));
    await this.page.waitForFunction(
      () => margin.state.candidates.some(({ tokens }) => tokens.length > 0),
      null,
      PATIENCE,
    );
  }

  /** Goes on with the run, or begins one where none is left to go on with. */
  async beginTraining() {
    const { run, runs } = await this.page.evaluate(() => margin.state.training);
    const present = runs.find(({ id }) => id === run);
    if (!present || (present.status !== 'paused' && present.status !== 'failed')) {
      this.ledger.run = null;
      await this.page.evaluate(async () => {
        await margin.intents.resetTraining();
        for (const { id } of margin.state.training.runs) await margin.intents.forgetRun(id);
      });
    }
    await this.page.evaluate(() => void margin.intents.train());
  }
}
