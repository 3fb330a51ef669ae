import { expect } from '@esm-bundle/chai';
import { ClipScorer } from '../../src/models/clip-scorer.ts';
import { sha256Hex } from '../../src/models/load-file.ts';
import { VisionLanguageModel } from '../../src/models/vlm.ts';
import { bundledFiles, floats, golden } from '../support/bundled.ts';
import { sharedGpu } from '../support/shared-gpu.ts';

/** What `models/recipe/photo/golden.py` writes: Hugging Face transformers on the shipped folders, in float32. */
interface PhotoGolden {
  readonly model_sha256: Readonly<Record<string, string>>;
  readonly vlm: readonly {
    readonly file: string;
    readonly prompt: string;
    readonly answer: string;
    readonly greedy: boolean;
    readonly input_ids: readonly number[];
    readonly answer_ids: readonly number[];
    readonly logps: readonly number[];
    readonly image_features?: string;
  }[];
  readonly clip: readonly { readonly file: string; readonly text: string; readonly similarity: number }[];
}

async function photograph(file: string) {
  const response = await fetch(new URL(`../golden/photo/${file}`, import.meta.url));
  return { id: file, blob: await response.blob() };
}

describe('the photo models against Hugging Face transformers', () => {
  let expected: PhotoGolden;

  before(async () => {
    expected = await golden<PhotoGolden>('photo/golden.json');
  });

  describe('photo-vlm', () => {
    let vlm: VisionLanguageModel;

    before(async () => {
      const files = await bundledFiles('photo-vlm', 'vlm');
      const decoder = files.name('weights').split('/')[1];
      // Golden numbers of other weights mean nothing: run models/recipe/photo/golden.py after an export.
      expect(expected.model_sha256[decoder]).to.equal(await sha256Hex(files.bytes('weights')));
      vlm = await VisionLanguageModel.load(await sharedGpu(), files, () => undefined);
    });

    after(() => vlm.dispose());

    it('gives the same visual features from the same photograph', async () => {
      const gpu = await sharedGpu();
      const withFeatures = expected.vlm.filter((each) => each.image_features);
      expect(withFeatures.length).to.be.at.least(4);
      for (const { file, image_features } of withFeatures) {
        const values = await gpu.read(await vlm.tower.features(await photograph(file)));
        const wanted = floats(image_features!);
        expect(values.length).to.equal(wanted.length);
        for (let i = 0; i < wanted.length; i++) expect(values[i], `${file} [${i}]`).to.be.closeTo(wanted[i], 2e-3);
      }
    });

    it('gives the same log-probability for every token, from picture and text to number', async () => {
      for (const { file, prompt, answer, input_ids, answer_ids, logps } of expected.vlm) {
        const input = await vlm.prompt(await photograph(file), prompt);
        expect(input.promptIds).to.deep.equal(input_ids);
        const responseIds = vlm.tokenizer.encodeResponse(answer);
        expect(responseIds).to.deep.equal(answer_ids);
        const score = await vlm.policy.score({ ...input, responseIds });
        expect(score.logps.length).to.equal(logps.length);
        for (let i = 0; i < logps.length; i++) {
          expect(score.logps[i], `${file}, ${prompt} ${answer} [${i}]`).to.be.closeTo(logps[i], 1e-3);
        }
      }
      expect(expected.vlm.length).to.be.at.least(20);
    });
  });

  it('scores captions as the dual encoder does', async () => {
    const files = await bundledFiles('photo-clip', 'clip');
    const scorer = await ClipScorer.load(await sharedGpu(), {
      vision: files.bytes('clipVision'),
      text: files.bytes('clipText'),
      name: 'photo-clip',
      preprocessor: files.json('preprocessor'),
      tokenizer: { tokenizer: files.json('tokenizer'), tokenizerConfig: files.json('tokenizerConfig') },
      config: files.json('config'),
    });
    try {
      for (const { file, text, similarity } of expected.clip) {
        const [score] = await scorer.score(await photograph(file), [text]);
        expect(score, `${file}: ${text}`).to.be.closeTo(similarity, 1e-3);
      }
      expect(expected.clip.length).to.equal(16);
    } finally {
      await scorer.dispose();
    }
  });
});
