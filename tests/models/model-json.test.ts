import { expect } from '@esm-bundle/chai';
import { ModelFileError } from '../../src/errors.ts';
import { type CatalogEntry, loadCatalog } from '../../src/models/catalog.ts';
import { loadJson } from '../../src/models/load-file.ts';
import { baseModel, clipTextLength, readPreprocessor } from '../../src/models/model-json.ts';
import { bundledFiles, MODELS_URL } from '../support/bundled.ts';

describe('preprocessor_config.json', () => {
  it('of the bundled models passes as it is', async () => {
    const vlm = (await bundledFiles('toybox-vlm', 'vlm')).json<Record<string, unknown>>('preprocessor');
    const read = readPreprocessor(vlm, 'x') as Record<string, unknown>;
    for (const key of ['do_normalize', 'image_mean', 'image_std', 'rescale_factor', 'resample', 'size']) {
      expect(read[key], key).to.deep.equal(vlm[key]);
    }
    const clip = (await bundledFiles('toybox-clip', 'clip')).json('preprocessor');
    expect(readPreprocessor(clip, 'x').crop_size).to.deep.equal((clip as { crop_size: unknown }).crop_size);
    expect(readPreprocessor({ size: null, crop_size: { height: 224, width: 224 } }, 'x')).to.deep.equal({
      crop_size: { height: 224, width: 224 },
    });
  });

  it('is refused, naming the key, where a value is damage', () => {
    const wrong: Record<string, unknown[]> = {
      size: [0, -1, 1e9, 12.5, '128', [128], { longest_edge: 0 }, { longest_edge: 1e12 }, { width: 'a' }],
      max_image_size: [{ longest_edge: 1e7 }, { longest_edge: -4 }],
      crop_size: ['224', { height: 1e9, width: 1 }],
      image_mean: [0.5, [0.5], [0.5, 0.5, '0.5'], [0, 0, null]],
      image_std: [[0, 1, 1], [1, 1, -1], 'x'],
      rescale_factor: [0, -1, '1/255'],
      do_resize: ['yes', 1],
      resample: ['LANCZOS'],
    };
    for (const [key, values] of Object.entries(wrong)) {
      for (const value of values) {
        expect(() => readPreprocessor({ [key]: value }, 'p.json'), `${key} ${value}`).to.throw(ModelFileError, key);
      }
    }
    for (const json of [null, [], 'x', 3]) expect(() => readPreprocessor(json, 'p.json')).to.throw(ModelFileError);
  });
});

describe("the CLIP model's config.json", () => {
  it('gives the length of its texts, or is refused', () => {
    expect(clipTextLength({ text_config: { max_position_embeddings: 40 } }, 'x')).to.equal(40);
    for (const none of [{}, null, 'x', { text_config: 5 }]) expect(clipTextLength(none, 'x')).to.equal(77);
    for (const wrong of [0, -1, 1e12, 1.5, '77', []]) {
      const json = { text_config: { max_position_embeddings: wrong } };
      expect(() => clipTextLength(json, 'x')).to.throw(ModelFileError, 'max_position_embeddings');
    }
  });
});

describe('the model that an exported adapter names', () => {
  it('is the hub id, or the folder in the project, with its class', () => {
    const config = { architectures: ['SmolVLMForConditionalGeneration'], model_type: 'smolvlm' };
    const hub = { type: 'hub', repo: 'HuggingFaceTB/SmolVLM2-256M-Video-Instruct', revision: 'main' } as const;
    expect(baseModel(hub, config)).to.deep.equal({
      name: hub.repo,
      mapping: {
        base_model_class: 'SmolVLMForConditionalGeneration',
        parent_library: 'transformers.models.smolvlm.modeling_smolvlm',
      },
    });
    const bundled: CatalogEntry['source'] = { type: 'bundled', path: 'toybox-vlm' };
    for (const none of [{}, null, { architectures: [] }, { architectures: [5], model_type: 'x' }]) {
      expect(baseModel(bundled, none)).to.deep.equal({ name: 'models/toybox-vlm' });
    }
  });
});

describe('the catalog', () => {
  const serve = async <T>(body: string, work: () => Promise<T>): Promise<T> => {
    const { fetch } = globalThis;
    globalThis.fetch = async () => new Response(body);
    try {
      return await work();
    } finally {
      globalThis.fetch = fetch;
    }
  };

  it('is refused with a sentence when it is damaged', async () => {
    for (const body of [
      '',
      'null',
      '[]',
      '{}',
      '{"models": 5}',
      '{"models": [null]}',
      '{"models": [{"kind": "vlm"}]}',
    ]) {
      const error = await serve(body, () => loadCatalog(MODELS_URL)).catch((reason) => reason);
      expect(error, body).to.be.instanceOf(ModelFileError);
    }
  });

  it('stops a download that is longer than it says', async () => {
    const request = { url: `${MODELS_URL}catalog.json`, name: 'x.json', bytes: 10, remote: false };
    let sent = 0;
    const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        sent += 1;
        controller.enqueue(new Uint8Array(1000));
      },
    });
    const { fetch } = globalThis;
    globalThis.fetch = async () => new Response(endless);
    try {
      const error: Error = await loadJson(request).then(
        () => new Error('loaded'),
        (reason) => reason,
      );
      expect(error).to.be.instanceOf(ModelFileError);
      expect(error.message).to.contain('x.json is damaged');
    } finally {
      globalThis.fetch = fetch;
    }
    expect(sent).to.be.below(10);
  });
});
