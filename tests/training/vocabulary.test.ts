import { expect } from '@esm-bundle/chai';
import type { Gpu, Scope } from '../../src/kernels/gpu/index.ts';
import { unpack } from '../../src/models/policy/index.ts';
import type { ReferenceLogps, TokenizedPair } from '../../src/training/data.ts';
import type { FamilyOptions } from '../../src/training/families/family.ts';
import { trainingFamily } from '../../src/training/families/index.ts';
import { runSettings } from '../../src/training/settings.ts';
import { uploadVisual } from '../support/decoder-golden.ts';
import { sharedGpu } from '../support/shared-gpu.ts';
import { loadVocabularyGolden, type VocabularySetup } from '../support/vocabulary-golden.ts';

/** ‖ours - theirs‖ / ‖theirs‖ per matrix. */
const MOST_RELATIVE = 1e-3;

const norm = (values: ArrayLike<number>): number => Math.hypot(...Array.from(values));

describe('losses over whole next-token distributions, beside PyTorch and PEFT', () => {
  let gpu: Gpu;
  let setup: VocabularySetup;
  let scope: Scope;
  let pairs: TokenizedPair[];

  before(async () => {
    gpu = await sharedGpu();
    setup = await loadVocabularyGolden(gpu);
    scope = gpu.scope('test');
    const { golden, policy } = setup;
    await policy.prepareTraining({ divergence: true });
    pairs = golden.pairs.map((pair, index): TokenizedPair => {
      const picture = (values: string) => {
        const visual = uploadVisual(scope, values, policy.config.hiddenSize);
        return () => Promise.resolve(visual);
      };
      return {
        key: `${index}`,
        promptIds: pair.prompt_ids,
        imageTokenId: golden.image_token_id,
        visual: picture(pair.visual),
        noisy: picture(pair.noisy),
        chosenIds: pair.chosen_ids,
        rejectedIds: pair.rejected_ids,
      };
    });
  });
  after(() => {
    scope.dispose();
    setup.adapter.dispose();
    setup.policy.dispose();
    expect(gpu.openScopes()).to.deep.equal([]);
  });

  /** Loss and gradient of one micro-batch of all pairs. */
  async function microBatch(objective: string) {
    const { policy, adapter, golden } = setup;
    const hyperparameters = golden.hyperparameters[objective];
    const references = new Map<string, ReferenceLogps>();
    const settings = runSettings({ objective, hyperparameters });
    const options: FamilyOptions = { gpu, policy, adapter, pairs, settings, references };
    const family = trainingFamily(options);
    family.check();
    for await (const _ of family.start!(undefined));
    const work = gpu.scope('micro-batch');
    try {
      const gradients = adapter.zeros(work, 'gradients');
      const batch = [0, 1];
      const micro = { step: 0, batches: [batch], index: 0, batch, scope: work, gradients, state: {} };
      const { read, metrics } = await family.microBatch(micro);
      const [values, ...numbers] = (await gpu.readAll([gradients, ...read])) as Float32Array[];
      return { loss: metrics(numbers).means.loss, gradients: unpack(adapter.plan, values) };
    } finally {
      work.dispose();
    }
  }

  for (const objective of ['tdpo1', 'tdpo2', 'wpo', 'povid_stage2_code']) {
    it(`${objective}: loss and gradient`, async () => {
      const { golden, adapter, gradients: expected } = setup;
      const { loss, gradients } = await microBatch(objective);
      expect(loss).to.be.closeTo(golden.losses[objective], 1e-4);
      expect(gradients.size).to.equal(adapter.matrices.length);
      const wrong: string[] = [];
      for (const [matrix, values] of gradients) {
        const wanted = expected.get(`${objective}.${matrix}`)!;
        const error = norm(values.map((value, i) => value - wanted[i])) / norm(wanted);
        if (!(error <= MOST_RELATIVE)) wrong.push(`${matrix}: ${error.toExponential(2)}`);
      }
      expect(wrong).to.deep.equal([]);
    });
  }
});
