import { expect } from '@esm-bundle/chai';
import { CancelledError, EngineError, InputError } from '../../src/errors.ts';
import type { Gpu, Scope } from '../../src/kernels/gpu/index.ts';
import { type SequenceInput, trainingSize } from '../../src/models/policy/index.ts';
import { uploadVisual } from '../support/decoder-golden.ts';
import { sharedGpu } from '../support/shared-gpu.ts';
import { expectClose } from '../support/tolerance.ts';
import { loadVocabularyGolden, type VocabularySetup } from '../support/vocabulary-golden.ts';

/** f32 kernels against float64, divergences of a few nats. */
const NEAR = { atol: 3e-4, rtol: 1e-4 };

describe('divergence of the policy from its reference', () => {
  let gpu: Gpu;
  let setup: VocabularySetup;
  let scope: Scope;
  let sequences: SequenceInput[];

  before(async () => {
    gpu = await sharedGpu();
    setup = await loadVocabularyGolden(gpu);
    scope = gpu.scope('test');
    const { golden, policy } = setup;
    sequences = golden.pairs.flatMap((pair) => {
      const visual = uploadVisual(scope, pair.visual, policy.config.hiddenSize);
      const prompt = { promptIds: pair.prompt_ids, visual, imageTokenId: golden.image_token_id };
      return [pair.chosen_ids, pair.rejected_ids].map((responseIds) => ({ ...prompt, responseIds }));
    });
  });
  after(() => {
    scope.dispose();
    setup.adapter.dispose();
    setup.policy.dispose();
    expect(gpu.openScopes()).to.deep.equal([]);
  });

  it('is what PyTorch and PEFT compute, in both directions', async () => {
    const { golden, policy, adapter } = setup;
    const progress: number[] = [];
    const divergences = await policy.divergence(sequences, { adapter, onProgress: (done) => progress.push(done) });
    expect(progress.at(-1)).to.equal(sequences.length);
    const to = golden.pairs.flatMap((pair) => pair.kl_to_reference);
    const from = golden.pairs.flatMap((pair) => pair.kl_from_reference);
    divergences.forEach(({ klToReference, klFromReference }, s) => {
      expectClose(klToReference, to[s], NEAR, `sequence ${s}: to the reference`);
      expectClose(klFromReference, from[s], NEAR, `sequence ${s}: from the reference`);
    });
  });

  it('is 0 without an adapter, and is heard between batches', async () => {
    const { policy, adapter } = setup;
    for (const { klToReference, klFromReference } of await policy.divergence(sequences)) {
      expect([...klToReference, ...klFromReference].every((value) => value === 0)).to.equal(true);
    }
    const cancelled = await policy
      .divergence(sequences, { adapter, signal: AbortSignal.abort() })
      .catch((error: unknown) => error);
    expect(cancelled).to.be.instanceOf(CancelledError);
  });

  it('has a gradient only once it was asked for', () => {
    const { policy, adapter } = setup;
    const pass = policy.trainingPass(sequences, adapter);
    const d = scope.zeros('f32', [pass.tokens], 'd');
    const gradients = adapter.zeros(scope, 'gradients');
    expect(() => pass.backward(d, gradients, { dKlFromReference: d })).to.throw(EngineError, 'diverge()');
    pass.dispose();
  });

  it('comes beside the chance that two draws agree', async () => {
    const { golden, policy, adapter } = setup;
    const { logCollision } = policy.scoreTensors(scope, sequences, adapter);
    const expected = golden.pairs.flatMap((pair) => pair.log_collision.flat());
    expectClose(await gpu.read(logCollision), expected, NEAR, 'log Σ p²');
  });

  it('scores other tokens at the places of an answer, on the same rows', async () => {
    const { policy, adapter } = setup;
    const [answer] = sequences;
    const [said] = await policy.scoreMany([answer], { adapter });
    const other = { ...answer, targetIds: [...said.topIds] };
    const [again, likeliest] = await policy.scoreMany([answer, other], { adapter });
    expectClose(again.logps, said.logps, { atol: 1e-5, rtol: 1e-5 }, 'the answer itself');
    expectClose(likeliest.logps, said.top1.map(Math.log), { atol: 1e-5, rtol: 1e-5 }, 'the likeliest tokens');
    expect(trainingSize([answer, other]).rows).to.equal(trainingSize([answer]).rows);
    const short = await policy.scoreMany([{ ...answer, targetIds: [5] }]).catch((error: unknown) => error);
    expect(short).to.be.instanceOf(InputError);
    expect((short as Error).message).to.equal('There are 1 tokens to score at the 9 places of the response.');
  });
});
