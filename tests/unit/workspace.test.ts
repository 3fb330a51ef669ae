import { expect } from '@esm-bundle/chai';
import { randomScene } from '../../src/toybox/index.ts';
import { unzip, zip } from '../../src/zip.ts';
import { makeApp, makeAppWithDraft, stateWhere } from '../support/app.ts';

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
});
