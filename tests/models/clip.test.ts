import { expect } from '@esm-bundle/chai';
import { CancelledError } from '../../src/errors.ts';
import { ClipScorer } from '../../src/models/clip-scorer.ts';
import { bundledFiles, type ClipGolden, golden, toyboxPicture } from '../support/bundled.ts';
import { sharedGpu } from '../support/shared-gpu.ts';

describe('ClipScorer on the bundled model', () => {
  let scorer: ClipScorer;

  before(async () => {
    const files = await bundledFiles('toybox-clip', 'clip');
    scorer = await ClipScorer.load(await sharedGpu(), {
      vision: files.bytes('clipVision'),
      text: files.bytes('clipText'),
      name: 'toybox-clip',
      preprocessor: files.json('preprocessor'),
      tokenizer: { tokenizer: files.json('tokenizer'), tokenizerConfig: files.json('tokenizerConfig') },
      config: files.json('config'),
    });
  });

  after(() => scorer.dispose());

  it('agrees between WebGPU and WASM', () => {
    expect(scorer.agreement).to.be.below(1e-3);
    expect(scorer.note).to.contain('agree');
  });

  it('gives the similarities that Hugging Face gives', async () => {
    for (const { seed, text, similarity } of (await golden<ClipGolden>('clip/golden.json')).cases) {
      const [score] = await scorer.score(await toyboxPicture(seed), [text]);
      expect(score, `${seed}: ${text}`).to.be.closeTo(similarity, 1e-3);
    }
  });

  it('is deaf to what follows the end of a cut text', async () => {
    const image = await toyboxPicture(1);
    const long = 'There is a cat on the grass. '.repeat(30);
    const [one, other] = await scorer.score(image, [long, `${long} And a train.`]);
    expect(one).to.equal(other);
  });

  it('counts texts and stops at the signal', async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const run = scorer.score(await toyboxPicture(1), ['one', 'two', 'three'], {
      signal: controller.signal,
      onProgress: (done) => {
        seen.push(done);
        if (done === 2) controller.abort();
      },
    });
    expect(await run.catch((error) => error)).to.be.instanceOf(CancelledError);
    expect(seen).to.deep.equal([1, 2]);
  });
});
