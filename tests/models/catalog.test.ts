import { expect } from '@esm-bundle/chai';
import { CancelledError, InputError, ModelFileError } from '../../src/errors.ts';
import { type CatalogEntry, downloadModel, fileRequest, findModel, loadCatalog } from '../../src/models/catalog.ts';
import { type FileRequest, loadFile, sha256Hex } from '../../src/models/load-file.ts';
import { MODELS_URL } from '../support/bundled.ts';

async function caught(promise: Promise<unknown>): Promise<ModelFileError> {
  return promise.then(
    () => {
      throw new Error('nothing was thrown');
    },
    (error) => error,
  );
}

/** Runs `body` while `fetch` answers with `response`; tells how often it was asked. */
async function withFetch(response: () => Response, body: () => Promise<void>): Promise<number> {
  const original = globalThis.fetch;
  let asked = 0;
  globalThis.fetch = async () => {
    asked++;
    return response();
  };
  try {
    await body();
  } finally {
    globalThis.fetch = original;
  }
  return asked;
}

const content = new TextEncoder().encode('model file contents');
const file: FileRequest = { url: 'https://files.invalid/a.bin', name: 'toy/a.bin', remote: false };

describe('catalog', () => {
  it('lists bundled models with sizes and hashes, and hub models with their licence', async () => {
    const { models } = await loadCatalog(MODELS_URL);
    expect(models.map((model) => model.id)).to.include.members([
      'toybox-vlm',
      'toybox-clip',
      'smolvlm-256m',
      'smolvlm-500m',
      'clip-vit-b-32',
    ]);
    for (const { id, licence, about, source, files, note, approximateBytes } of models) {
      expect(licence, id).to.not.equal('');
      expect(about, id).to.not.equal('');
      if (source.type === 'bundled') {
        for (const each of files) expect(each.sha256, `${id}/${each.path}`).to.match(/^[0-9a-f]{64}$/);
      } else {
        expect(approximateBytes, id).to.be.above(1e8);
        expect(note, id).to.contain('hashes');
      }
    }
  });

  it('holds the truth about the bundled files', async () => {
    for (const entry of (await loadCatalog(MODELS_URL)).models) {
      if (entry.source.type !== 'bundled') continue;
      let last = [0, 0];
      const files = await downloadModel(entry, MODELS_URL, {
        onBytes: (_, done, total) => {
          last = [done, total];
        },
      });
      const known = entry.files.reduce((sum, each) => sum + each.bytes!, 0);
      expect(files.totalBytes).to.equal(known);
      expect(last).to.deep.equal([known, known]);
    }
  });

  it('names what is missing from a catalog', async () => {
    const error = await caught(loadCatalog('https://files.invalid/'));
    expect(error).to.be.instanceOf(ModelFileError);
    expect(error.subject).to.equal('models/catalog.json');
    const bare = JSON.stringify({ models: [{ id: 'x', kind: 'clip', world: 'photographs', files: [] }] });
    await withFetch(
      () => new Response(bare),
      async () => {
        expect((await caught(loadCatalog('https://files.invalid/'))).message).to.contain('clipVision');
      },
    );
  });

  it('finds by id and kind', async () => {
    const catalog = await loadCatalog(MODELS_URL);
    expect(findModel(catalog, 'toybox-vlm', 'vlm').label).to.equal('Toybox VLM');
    expect(() => findModel(catalog, 'toybox-vlm', 'clip')).to.throw(InputError, 'toybox-clip');
  });

  it('asks the hub for hub models', async () => {
    const entry = findModel(await loadCatalog(MODELS_URL), 'smolvlm-256m', 'vlm');
    const weights = entry.files.find((each) => each.role === 'weights')!;
    const request = fileRequest(entry, weights, MODELS_URL);
    expect(request).to.include({
      url: 'https://huggingface.co/HuggingFaceTB/SmolVLM-256M-Instruct/resolve/main/model.safetensors',
      remote: true,
    });
  });

  it('does without an optional file', async () => {
    const entry: CatalogEntry = {
      id: 'x',
      label: 'x',
      kind: 'vlm',
      world: 'toybox',
      licence: 'MIT',
      about: '',
      source: { type: 'bundled', path: 'x' },
      files: [{ role: 'chatTemplate', path: 'chat_template.json', optional: true }],
    };
    await withFetch(
      () => new Response('', { status: 404 }),
      async () => {
        expect((await downloadModel(entry, MODELS_URL)).text('chatTemplate')).to.equal(undefined);
      },
    );
  });
});

describe('loadFile', () => {
  it('gives the bytes and counts them', async () => {
    const steps: number[] = [];
    await withFetch(
      () => new Response(content),
      async () => {
        const sha256 = await sha256Hex(content);
        const bytes = await loadFile(
          { ...file, bytes: content.length, sha256 },
          { onBytes: (done) => steps.push(done) },
        );
        expect(Array.from(bytes)).to.deep.equal(Array.from(content));
      },
    );
    expect(steps.at(-1)).to.equal(content.length);
  });

  for (const [what, response, change, words] of [
    ['a missing file', () => new Response('', { status: 404 }), {}, '404'],
    [
      'a web page',
      () => new Response('<html>', { headers: { 'content-type': 'text/html; charset=utf-8' } }),
      {},
      'web page',
    ],
    ['a short file', () => new Response(content.slice(4)), { bytes: content.length }, '15 bytes arrived'],
    ['an altered file', () => new Response(content), { sha256: '00' }, 'SHA-256'],
    ['a Git LFS pointer', () => new Response('version https://git-lfs.github.com/spec/v1'), {}, 'git lfs pull'],
    ['no network', () => Response.error(), {}, '404|fetched|missing'],
  ] as const) {
    it(`names ${what}`, async () => {
      await withFetch(response, async () => {
        const error = await caught(loadFile({ ...file, ...change }));
        expect(error).to.be.instanceOf(ModelFileError);
        expect(error.subject).to.equal('toy/a.bin');
        expect(error.message).to.contain('toy/a.bin');
        expect(error.message).to.match(new RegExp(words));
      });
    });
  }

  it('stops at the signal', async () => {
    const controller = new AbortController();
    controller.abort();
    const url = new URL('catalog.json', MODELS_URL).href;
    expect(await caught(loadFile({ ...file, url }, { signal: controller.signal }))).to.be.instanceOf(CancelledError);
  });

  it('keeps a remote file, and throws a damaged copy away', async () => {
    const url = `https://files.invalid/${crypto.randomUUID()}.bin`;
    const request = { ...file, url, remote: true, bytes: content.length };
    const load = async () => {
      await loadFile(request);
    };
    expect(await withFetch(() => new Response(content), load)).to.equal(1);
    expect(await withFetch(() => new Response(content), load)).to.equal(0);
    await (await caches.open('margin-models')).put(url, new Response('short'));
    expect(await withFetch(() => new Response(content), load)).to.equal(1);
    await (await caches.open('margin-models')).delete(url);
  });
});
