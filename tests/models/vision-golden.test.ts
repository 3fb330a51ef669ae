import { expect } from '@esm-bundle/chai';
import { sha256Hex } from '../../src/models/load-file.ts';
import { VisionLanguageModel } from '../../src/models/vlm.ts';
import { bundledFiles, floats, golden, toyboxPicture, type VlmGolden } from '../support/bundled.ts';
import { sharedGpu } from '../support/shared-gpu.ts';

describe('the bundled VLM against Hugging Face transformers', () => {
  let vlm: VisionLanguageModel;
  let cases: VlmGolden['cases'];

  before(async () => {
    const files = await bundledFiles('toybox-vlm', 'vlm');
    const expected = await golden<VlmGolden>('vlm/golden.json');
    // Golden numbers of other weights mean nothing: run models/recipe/golden.py after an export.
    expect(expected.model_sha256).to.equal(await sha256Hex(files.bytes('weights')));
    cases = expected.cases;
    vlm = await VisionLanguageModel.load(await sharedGpu(), files, () => undefined);
  });

  after(() => vlm.dispose());

  it('runs its tower on WebGPU, in agreement with WASM', () => {
    expect(vlm.tower.provider).to.equal('webgpu');
    expect(vlm.tower.agreement).to.be.below(1e-3);
  });

  it('gives the same visual features', async () => {
    const gpu = await sharedGpu();
    const withFeatures = cases.filter((each) => each.image_features);
    expect(withFeatures.length).to.be.at.least(3);
    for (const { seed, image_features } of withFeatures) {
      const features = await vlm.tower.features(await toyboxPicture(seed));
      const values = await gpu.read(features);
      const expected = floats(image_features!);
      expect(values.length).to.equal(expected.length);
      for (let i = 0; i < expected.length; i++) expect(values[i]).to.be.closeTo(expected[i], 2e-3);
    }
  });

  it('gives the same log-probability for every token, from picture and text to number', async () => {
    let tokens = 0;
    let worst = 0;
    for (const { seed, prompt, answer, logps } of cases) {
      const input = await vlm.prompt(await toyboxPicture(seed), prompt);
      const responseIds = vlm.tokenizer.encodeResponse(answer);
      const score = await vlm.policy.score({ ...input, responseIds });
      expect(score.logps.length).to.equal(logps.length);
      for (let i = 0; i < logps.length; i++) {
        worst = Math.max(worst, Math.abs(score.logps[i] - logps[i]));
        expect(score.logps[i], `${prompt} ${answer} [${i}]`).to.be.closeTo(logps[i], 1e-3);
      }
      tokens += logps.length;
    }
    expect(cases.length).to.be.at.least(20);
    expect(cases.filter((each) => each.logps.length > 100).length).to.be.at.least(2);
    console.log(`${tokens} tokens, largest difference ${worst.toExponential(1)}`);
  });
});
