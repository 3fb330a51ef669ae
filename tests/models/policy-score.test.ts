import { expect } from '@esm-bundle/chai';
import type { Scope } from '../../src/kernels/gpu/index.ts';
import type { SequenceInput } from '../../src/models/policy/layout.ts';
import type { Policy, SequenceScore } from '../../src/models/policy/policy.ts';
import { type Golden, loadGolden, sequenceOf } from '../support/decoder-golden.ts';
import { sharedGpu } from '../support/shared-gpu.ts';
import { EXACT, expectClose } from '../support/tolerance.ts';

/** f32 kernels against float64: log-probabilities of up to 14 nats after two or three layers. */
const GOLDEN = { atol: 2e-4, rtol: 0 };
/** The same kernels on the same numbers, in other rows. */
const SAME = { atol: 1e-5, rtol: 1e-5 };

function expectSame(actual: SequenceScore, expected: SequenceScore, what: string): void {
  expectClose(actual.logps, expected.logps, SAME, `${what} logps`);
  expectClose(actual.entropy, expected.entropy, SAME, `${what} entropy`);
  expectClose(actual.top1, expected.top1, SAME, `${what} top1`);
}

for (const name of ['tied', 'untied'] as const) {
  describe(`policy scores (${name} decoder)`, () => {
    let policy: Policy;
    let golden: Golden;
    let scope: Scope;
    let sequences: SequenceInput[];

    before(async () => {
      const gpu = await sharedGpu();
      ({ policy, golden } = await loadGolden(gpu, name));
      scope = gpu.scope('test');
      sequences = golden.cases.map((one) => sequenceOf(scope, golden, one, policy.config.hiddenSize));
    });
    after(() => {
      scope.dispose();
      policy.dispose();
    });

    it('equal those of Hugging Face transformers', async () => {
      for (const [i, sequence] of sequences.entries()) {
        const score = await policy.score(sequence);
        const expected = golden.cases[i];
        expectClose(score.logps, expected.logps, GOLDEN, `case ${i} logps`);
        expectClose(score.entropy, expected.entropy, GOLDEN, `case ${i} entropy`);
        expectClose(score.top1, expected.top1, GOLDEN, `case ${i} top1`);
        expectClose(score.topIds, expected.top_ids, EXACT, `case ${i} top ids`);
      }
    });

    it('are the same for a batch as one at a time', async () => {
      const progress: number[] = [];
      const batch = await policy.scoreMany(sequences, { onProgress: (done) => progress.push(done) });
      expect(progress.at(-1)).to.equal(sequences.length);
      for (const [i, sequence] of sequences.entries()) expectSame(batch[i], await policy.score(sequence), `case ${i}`);
    });

    it('are the same when answers share their prompt', async () => {
      const [first, second] = sequences;
      const pair = [
        first,
        second,
        { ...second, responseIds: [...second.responseIds].reverse() },
        { ...first, responseIds: second.responseIds.slice(0, 3) },
      ];
      const batch = await policy.scoreMany(pair);
      for (const [i, sequence] of pair.entries()) expectSame(batch[i], await policy.score(sequence), `answer ${i}`);
    });

    it('hold for text alone', async () => {
      const text = { promptIds: [5, 9, 7], responseIds: [11, 12] };
      const { logps } = await policy.score(text);
      const [, continued] = (await policy.score({ promptIds: [5], responseIds: [9, 7, 11, 12] })).logps.slice(2);
      expect(logps[1]).to.be.closeTo(continued, 1e-5);
    });
  });
}

describe('policy scores', () => {
  let policy: Policy;
  let golden: Golden;
  before(async () => {
    ({ policy, golden } = await loadGolden(await sharedGpu(), 'tied'));
  });
  after(() => policy.dispose());

  it('leak nothing: as many bytes live after run 2 as after run 10', async () => {
    const gpu = await sharedGpu();
    const live: number[] = [];
    for (let run = 0; run < 10; run++) {
      const scope = gpu.scope('test');
      await policy.score(sequenceOf(scope, golden, golden.cases[run % 3], policy.config.hiddenSize));
      scope.dispose();
      live.push(gpu.liveBytes);
    }
    expect(live[9]).to.equal(live[1]);
    expect(gpu.openScopes().map(({ label }) => label)).to.deep.equal(['policy']);
  });

  it('can stay on the GPU', async () => {
    const gpu = await sharedGpu();
    const scope = gpu.scope('test');
    const sequences = golden.cases.map((one) => sequenceOf(scope, golden, one, policy.config.hiddenSize));
    const tensors = policy.scoreTensors(scope, sequences);
    const logps = await gpu.read(tensors.logps);
    expect(tensors.starts).to.deep.equal([0, 1, 13, 83]);
    expectClose(
      logps,
      golden.cases.flatMap((one) => one.logps),
      GOLDEN,
      'logps',
    );
    scope.dispose();
  });

  it('refuse what cannot be scored, with the numbers', async () => {
    const refused = async (sequence: SequenceInput): Promise<string> => {
      try {
        await policy.score(sequence);
      } catch (error) {
        expect((error as Error).name).to.equal('InputError');
        return (error as Error).message;
      }
      throw new Error('was not refused');
    };
    const ids = (length: number) => new Array(length).fill(5);
    expect(await refused({ promptIds: ids(200), responseIds: ids(57) })).to.match(/200.*57.*257.*256/s);
    expect(await refused({ promptIds: ids(2), responseIds: [509] })).to.match(/509/);
    expect(await refused({ promptIds: ids(2), responseIds: [] })).to.match(/no tokens/);
    expect(await refused({ promptIds: [], responseIds: ids(1) })).to.match(/no tokens/);
    expect(await refused({ promptIds: [3, 3], responseIds: ids(1), imageTokenId: 3 })).to.match(/2 image tokens.*0/);
  });

  it('stop at the signal', async () => {
    const controller = new AbortController();
    controller.abort();
    let name = '';
    await policy.score({ promptIds: [5], responseIds: [6], signal: controller.signal }).catch((error) => {
      name = error.name;
    });
    expect(name).to.equal('CancelledError');
  });
});
