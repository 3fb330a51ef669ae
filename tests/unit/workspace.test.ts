import { expect } from '@esm-bundle/chai';
import { decodePixels } from '../../src/pictures/decode-pixels.ts';
import { randomScene } from '../../src/toybox/index.ts';
import { unzip, zip } from '../../src/zip.ts';
import { makeApp, makeAppWithDraft, stateWhere, type TestApp } from '../support/app.ts';
import { lossesOf, makeTrainable, notices, runOf } from '../support/trainable.ts';

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

describe('zip', () => {
  it('gives files back as they were', async () => {
    const bytes = new Uint8Array(1000).map((_, i) => (i * 7) & 255);
    const archive = await zip(
      new Map<string, Blob | string>([
        ['a.txt', 'grüße'],
        ['images/x', new Blob([bytes])],
        ['empty', ''],
      ]),
    );
    const files = await unzip(archive);
    expect([...files.keys()]).to.deep.equal(['a.txt', 'images/x', 'empty']);
    expect(text(files.get('a.txt'))).to.equal('grüße');
    expect(files.get('images/x')).to.deep.equal(bytes);
  });

  it('tells a damaged or cut archive', async () => {
    const archive = new Uint8Array(await (await zip(new Map([['a.txt', 'hello hello']]))).arrayBuffer());
    const errorOf = (bytes: Uint8Array<ArrayBuffer>) =>
      unzip(new Blob([bytes])).then(
        () => 'none',
        (error: Error) => `${error.name}: ${error.message}`,
      );
    const damaged = archive.slice();
    damaged[40] ^= 1;
    expect(await errorOf(damaged))
      .to.include('InputError')
      .and.to.include('a.txt');
    for (let length = 0; length < archive.length; length++) {
      expect(await errorOf(archive.slice(0, length)), `${length} bytes`).to.include('InputError');
    }
  });
});

describe('a workspace file', () => {
  it('carries pictures, scenes, pairs, ties and settings to another browser', async () => {
    const app = await makeAppWithDraft();
    await app.intents.addScene(randomScene(5));
    app.intents.selectImage(app.store.state.images[0].id);
    app.intents.addPair();
    app.intents.tie();
    app.intents.setSetting('seed', 99);
    app.intents.setHyperparameter('dpo_sigmoid', 'beta', 0.4);
    const file = await app.intents.exportWorkspace();
    const other = await makeApp();
    expect(await other.intents.importWorkspace(file)).to.equal(true);
    const [here, there] = [app.store.state, other.store.state];
    expect(there.images).to.deep.equal(here.images);
    expect(there.settings).to.deep.equal(here.settings);
    expect(there.pairs.map(({ chosen, rejected, verdict }) => ({ chosen, rejected, verdict }))).to.deep.equal(
      here.pairs.map(({ chosen, rejected, verdict }) => ({ chosen, rejected, verdict })),
    );
    await stateWhere(other, ({ pairs }) => pairs[0].scores !== undefined, 'scores in the other browser');
    await other.intents.importWorkspace(file);
    expect(other.store.state.pairs, 'a second import adds nothing').to.have.length(here.pairs.length);
    other.intents.undo();
    expect(other.store.state.images).to.have.length(0);
    app.dispose();
    other.dispose();
  });

  it('that is something else changes nothing and says why', async () => {
    const app = await makeAppWithDraft();
    const before = app.store.state;
    const cases: [Blob, string][] = [
      [new Blob(['not a zip']), 'not a ZIP'],
      [await zip(new Map([['readme.txt', 'hello']])), 'not a Margin workspace'],
      [await zip(new Map([['workspace.json', '{"format": "margin-worksp']])), 'damaged'],
      [await zip(new Map([['workspace.json', '{"format":"margin-workspace","version":9}']])), 'another version'],
    ];
    for (const [file, words] of cases) {
      expect(await app.intents.importWorkspace(file)).to.equal(false);
      expect(app.store.state.notices.at(-1)?.message).to.include(words);
    }
    expect(app.store.state.pairs).to.equal(before.pairs);
    expect(app.store.state.images).to.equal(before.images);
    app.dispose();
  });

  it('gives what can be read when parts of it cannot', async () => {
    const app = await makeAppWithDraft();
    app.intents.addPair();
    const files = await unzip(await app.intents.exportWorkspace());
    const index = JSON.parse(text(files.get('workspace.json')));
    index.images.push({ id: 'gone', name: 'gone.png' }, 7, null);
    index.pairs.push({ id: 'x', imageId: 'gone', prompt: 'p', chosen: 'a', rejected: 'b' }, 'junk', { id: 1 });
    index.settings.n = 'many';
    const blobs = new Map<string, Blob | string>([...files].map(([name, bytes]) => [name, new Blob([bytes])]));
    blobs.set('workspace.json', JSON.stringify(index));
    const other = await makeApp();
    expect(await other.intents.importWorkspace(await zip(blobs))).to.equal(true);
    expect(other.store.state.images).to.have.length(1);
    expect(other.store.state.pairs).to.have.length(1);
    expect(other.store.state.notices.at(-1)?.message)
      .to.include('gone.png')
      .and.to.include('3 pairs could not be read');
    app.dispose();
    other.dispose();
  });
});

describe('everything in one file', () => {
  /** Everything that a file carries, without what belongs to the page. */
  const workOf = (app: TestApp) => {
    const { images, pairs, candidates, settings, training, adapter } = app.store.state;
    // As JSON: a field that is undefined is none.
    return JSON.parse(
      JSON.stringify({ images, pairs, candidates, settings, runs: training.runs, run: training.run, adapter }),
    );
  };

  async function trained(): Promise<TestApp> {
    const app = await makeTrainable();
    app.intents.setTraining({ eval_steps: 2, eval_scenes: 0, kl_answers: 1, kl_steps: 2 });
    app.intents.setPairScores(app.store.state.pairs[0].id, { chosen: 4, rejected: 1 });
    app.intents.markChosen(app.store.state.candidates[2].id);
    app.intents.setSetting('objective', 'simpo');
    await app.intents.train();
    await scored(app);
    return app;
  }
  const scored = (app: TestApp) =>
    stateWhere(
      app,
      ({ pairs, candidates, adapter }) =>
        pairs.every(({ scoredBy }) => scoredBy?.adapter === adapter?.key) &&
        candidates.every(({ status }) => status === 'ready'),
      'all scored',
    );

  it('carries answers with their scores, runs with curves and checkpoints, and the adapter', async () => {
    const app = await trained();
    const file = await app.intents.exportWorkspace();
    const other = await makeApp();
    expect(await other.intents.importWorkspace(file)).to.equal(true);
    expect(notices(other)).to.contain('1 run').and.to.not.contain('could not');
    expect(workOf(other)).to.deep.equal(workOf(app));
    expect(other.engine.callsOf('pairLogps'), 'scores came along').to.have.length(0);
    const { id, step, checkpoints } = runOf(app);
    expect(lossesOf(other)).to.deep.equal(lossesOf(app));
    expect(await other.engine.adapter.facts()).to.include({ step });
    await other.intents.rewindTraining(checkpoints[0]);
    expect(runOf(other)).to.include({ id, step: checkpoints[0] });
    await other.flush();
    other.dispose();
    const again = await makeApp({ backend: other.backend });
    expect(again.training.log(id).length).to.equal(checkpoints[0]);
    again.dispose();
    app.dispose();
  });

  it('a second import adds nothing, and one undo takes everything back, settings and adapter too', async () => {
    const app = await trained();
    const file = await app.intents.exportWorkspace();
    const other = await makeAppWithDraft();
    other.intents.setSetting('objective', 'ipo');
    const before = workOf(other);
    await other.intents.importWorkspace(file);
    await other.intents.importWorkspace(file);
    expect(other.store.state.pairs).to.have.length(1);
    expect(other.store.state.training.runs).to.have.length(1);
    expect(other.store.state.settings.objective).to.equal('simpo');
    other.intents.undo();
    await stateWhere(other, ({ candidates }) => candidates.every(({ status }) => status === 'ready'), 'scored again');
    expect(workOf(other)).to.deep.equal(before);
    expect(await other.engine.adapter.facts()).to.equal(null);
    other.intents.redo();
    await scored(other);
    expect(workOf(other)).to.deep.include({ runs: workOf(app).runs, adapter: workOf(app).adapter });
    await stateWhere(other, () => lossesOf(other).length === lossesOf(app).length, 'curves are back');
    app.dispose();
    other.dispose();
  });

  it('keeps both where the same id is another pair or run', async () => {
    const app = await trained();
    const file = await app.intents.exportWorkspace();
    app.intents.editPair(app.store.state.pairs[0].id, { chosen: 'Edited since.' });
    await app.intents.importWorkspace(file);
    await app.intents.importWorkspace(file);
    expect(app.store.state.pairs.map(({ chosen }) => chosen))
      .to.have.length(2)
      .and.to.include('Edited since.');
    expect(new Set(app.store.state.pairs.map(({ id }) => id)).size).to.equal(2);
    expect(app.store.state.training.runs).to.have.length(1);
    app.dispose();
  });

  it('a file of another model brings its runs, and says what its adapter needs', async () => {
    const app = await trained();
    const files = await unzip(await app.intents.exportWorkspace());
    const index = JSON.parse(text(files.get('workspace.json')));
    index.settings.vlm = 'HuggingFaceTB/SmolVLM-256M-Instruct';
    index.runs[0].vlm = index.settings.vlm;
    const blobs = new Map<string, Blob | string>([...files].map(([name, bytes]) => [name, new Blob([bytes])]));
    blobs.set('workspace.json', JSON.stringify(index));
    const other = await makeApp();
    await other.intents.importWorkspace(await zip(blobs));
    expect(other.store.state.training.runs).to.have.length(1);
    expect(other.store.state.adapter).to.equal(null);
    expect(notices(other)).to.contain('adapter belongs to HuggingFaceTB/SmolVLM-256M-Instruct');
    await scored(other);
    app.dispose();
    other.dispose();
  });

  it('leaves out damaged records and files, and counts them with the reason', async () => {
    const app = await trained();
    const files = await unzip(await app.intents.exportWorkspace());
    const index = JSON.parse(text(files.get('workspace.json')));
    const [run] = index.runs;
    index.runs.push({ ...run, id: '../../x' }, { ...run, id: 'run-y', settings: { ...run.settings, r: -1 } });
    index.candidates.push({ ...index.candidates[0], id: 'a', logpSum: 'x' });
    const blobs = new Map<string, Blob | string>([...files].map(([name, bytes]) => [name, new Blob([bytes])]));
    blobs.set('workspace.json', JSON.stringify(index));
    const newest = run.checkpoints.at(-1);
    blobs.set(`runs/${run.id}/step-${newest}`, 'garbage');
    blobs.set(`runs/${run.id}/tracks`, new Blob([new Uint8Array([255, 255, 255, 255, 1])]));
    const other = await makeApp();
    expect(await other.intents.importWorkspace(await zip(blobs))).to.equal(true);
    expect(notices(other))
      .to.contain('2 runs could not be read (id: is not an id of Margin; settings is missing)')
      .and.to.contain('1 answer could not be read (logpSum')
      .and.to.contain(`The checkpoint of its adapter (step ${newest}) is missing`);
    expect(other.store.state.training.runs).to.have.length(1);
    expect(other.store.state.training.runs[0].step).to.equal(run.checkpoints.at(-2));
    app.dispose();
    other.dispose();
  });

  it('a file of Margin 0.1 opens', async () => {
    const file = await (await fetch('/tests/golden/workspace-0.1/workspace.zip')).blob();
    const app = await makeApp();
    expect(await app.intents.importWorkspace(file)).to.equal(true);
    const { pairs, images, settings } = app.store.state;
    expect(images).to.have.length(4);
    expect(images.every(({ scene }) => scene)).to.equal(true);
    expect(pairs.map(({ verdict }) => verdict)).to.deep.equal(['preferred', 'preferred', 'preferred', 'tie']);
    expect(pairs[0].given).to.deep.equal({ chosen: 3, rejected: 1 });
    expect(settings).to.deep.include({ prompt: 'What does the picture show?', n: 2, maxTokens: 12 });
    expect(settings.training).to.deep.include({ r: 2, target_modules: ['q_proj'] });
    expect(notices(app)).to.contain('4 pictures and 4 pairs').and.to.not.contain('could not');
    app.dispose();
  });
});

describe('the pairs file', () => {
  it('has TRL’s columns, one preference per line, with its picture', async () => {
    const app = await makeAppWithDraft();
    app.intents.addPair();
    const [, , third, fourth] = app.store.state.candidates;
    app.intents.markChosen(third.id);
    app.intents.markRejected(fourth.id);
    app.intents.tie();
    const lines = (await (await app.intents.exportPairs()).text()).trim().split('\n');
    expect(lines, 'ties are left out').to.have.length(1);
    const row = JSON.parse(lines[0]);
    const [pair] = app.store.state.pairs;
    expect(Object.keys(row)).to.deep.equal(['images', 'prompt', 'chosen', 'rejected']);
    expect(row.prompt).to.deep.equal([
      { role: 'user', content: [{ type: 'image' }, { type: 'text', text: pair.prompt }] },
    ]);
    expect(row.chosen).to.deep.equal([{ role: 'assistant', content: [{ type: 'text', text: pair.chosen }] }]);
    expect(row.rejected).to.deep.equal([{ role: 'assistant', content: [{ type: 'text', text: pair.rejected }] }]);
    const image = await (await fetch(row.images[0])).blob();
    expect(image.type).to.equal('image/png');
    expect(image.size).to.equal(app.store.state.images[0].bytes);
    app.dispose();
  });

  it('holds no transparency: what shows through is white, as the models see it', async () => {
    const app = await makeApp();
    const file = await (await fetch('/tests/golden/pixels/rgba.png')).blob();
    const [{ id }] = await app.intents.addImages([new File([file], 'rgba.png')]);
    app.intents.addPairOf({ imageId: id, prompt: 'What is it?', chosen: 'A square.', rejected: 'A cat.' });
    const row = JSON.parse(await (await app.intents.exportPairs()).text());
    const written = await (await fetch(row.images[0])).blob();
    expect((await decodePixels(written, '#000000')).data).to.deep.equal((await decodePixels(file)).data);
    app.dispose();
  });
});
