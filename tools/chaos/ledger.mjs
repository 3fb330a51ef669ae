// What a person had done, as far as the page had shown it, and whether it is all there afterwards.

/** Older than this, work survives even a killed process. Before a closed or reloaded page there is no such time. */
export const GRACE_MS = 1000;

export class Ledger {
  pairs = new Map();
  images = new Map();
  candidates = new Map();
  /** The run that goes on: its id, the newest step that the page showed, and whether a checkpoint was due. */
  run = null;

  constructor(saveSteps) {
    this.saveSteps = saveSteps;
  }

  /** A fact as the page tells it. */
  hear(fact, now = Date.now()) {
    switch (fact.kind) {
      case 'pair':
        this.pairs.set(fact.id, { ...fact, at: now });
        break;
      case 'image':
        this.images.set(fact.id, { at: now });
        break;
      case 'candidate':
        this.candidates.set(fact.id, { text: fact.text, at: now });
        break;
      case 'step':
        if (this.run?.id !== fact.run) this.run = { id: fact.run, step: fact.step };
        else this.run.step = Math.max(this.run.step, fact.step);
        break;
    }
  }

  /** The run may lawfully have gone back (or ended): what is seen now is the new measure. */
  startFrom(run) {
    this.run = run && run.status !== 'finished' ? { id: run.id, step: run.step } : null;
  }

  /**
   * Compares with what the page holds.
   *
   * @param found as `holdings` gives it
   * @param struck when the kill came, in ms
   * @param hard whether the process had no chance to do anything more
   * @returns sentences about what is lost, and the age of the youngest and oldest work that a hard kill took
   */
  compare(found, { struck, hard }) {
    const lost = [];
    const young = [];
    const judge = (name, at, words) => {
      const age = struck - at;
      if (hard && age < GRACE_MS) young.push({ name, age });
      else lost.push(`${words} (${age} ms old)`);
    };
    for (const [id, pair] of this.pairs) {
      const other = found.pairs.find((each) => each.id === id);
      if (!other) judge('pair', pair.at, `pair ${id} is gone`);
      else if (['chosen', 'rejected', 'prompt', 'imageId'].some((key) => other[key] !== pair[key]))
        lost.push(`pair ${id} has other texts`);
    }
    for (const [id, { at }] of this.images) {
      const other = found.images.find((each) => each.id === id);
      if (!other) judge('picture', at, `picture ${id.slice(0, 8)} is gone`);
      else if (other.hash !== id)
        lost.push(`the bytes of picture ${id.slice(0, 8)} are ${other.hash ? 'others' : 'gone'}`);
    }
    for (const [id, { text, at }] of this.candidates) {
      const other = found.candidates.find((each) => each.id === id);
      if (!other) judge('answer', at, `answer ${id} is gone`);
      else if (other.text !== text) lost.push(`answer ${id} has another text`);
    }
    if (this.run) lost.push(...this.#compareRun(found));
    return { lost, young };
  }

  #compareRun({ runs, adapter }) {
    const { id, step } = this.run;
    const run = runs.find((each) => each.id === id);
    const least = step - this.saveSteps;
    if (!run) return least > 0 ? [`the run is gone, after ${step} steps`] : [];
    const lost = [];
    if (run.step < least) lost.push(`the run is at step ${run.step} after ${step} steps`);
    if (run.step === 0 && step > this.saveSteps) lost.push(`the run is at step 0 after ${step} steps`);
    if (run.step > 0 && run.status !== 'running' && adapter?.run === id && adapter.step !== run.step)
      lost.push(`the adapter is that of step ${adapter.step}, the run at step ${run.step}`);
    if (run.logged < run.step) lost.push(`the curves end at step ${run.logged}, the run at step ${run.step}`);
    return lost;
  }
}

/** What the page holds, bytes of pictures read and hashed. */
export const holdings = (page) =>
  page.evaluate(async () => {
    const { app } = document.querySelector('margin-app');
    const { images, pairs, candidates, training, adapter, notices } = margin.state;
    const hashOf = async (id) => {
      try {
        const bytes = await (await app.images.blob(id)).arrayBuffer();
        const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
        return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
      } catch {
        return null;
      }
    };
    return {
      images: await Promise.all(images.map(async ({ id }) => ({ id, hash: await hashOf(id) }))),
      pairs: pairs.map(({ id, chosen, rejected, prompt, imageId }) => ({ id, chosen, rejected, prompt, imageId })),
      candidates: candidates.map(({ id, text }) => ({ id, text })),
      runs: training.runs.map(({ id, step, status, message }) => ({
        id,
        step,
        status,
        message,
        logged: app.training.log(id).length,
      })),
      run: training.run,
      adapter,
      notices: notices.map(({ message }) => message),
    };
  });
