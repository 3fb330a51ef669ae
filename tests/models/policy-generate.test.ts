import { expect } from '@esm-bundle/chai';
import type { Scope } from '../../src/kernels/gpu/index.ts';
import type { GeneratedToken, GenerateRequest } from '../../src/models/policy/generate.ts';
import type { SequenceInput } from '../../src/models/policy/layout.ts';
import type { Policy } from '../../src/models/policy/policy.ts';
import { type Golden, loadGolden, sequenceOf } from '../support/decoder-golden.ts';
import { sharedGpu } from '../support/shared-gpu.ts';
import { expectClose } from '../support/tolerance.ts';

for (const name of ['tied', 'untied'] as const) {
  describe(`policy generates (${name} decoder)`, () => {
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

    const request = (index: number, changes: Partial<GenerateRequest> = {}): GenerateRequest => ({
      ...sequences[index],
      n: 3,
      temperature: 1,
      topP: 1,
      maxTokens: 8,
      seed: 11,
      stopIds: [],
      ...changes,
    });

    /** Tokens by answer. */
    async function answers(wanted: GenerateRequest): Promise<GeneratedToken[][]> {
      const all = Array.from({ length: wanted.n }, (): GeneratedToken[] => []);
      for await (const token of policy.generate(wanted)) all[token.index].push(token);
      return all;
    }
    const idsOf = (tokens: GeneratedToken[]) => tokens.map(({ id }) => id);

    it('greedily what Hugging Face transformers generates', async () => {
      for (const [i, { greedy }] of golden.cases.entries()) {
        const [answer] = await answers(request(i, { n: 1, temperature: 0 }));
        expect(idsOf(answer)).to.deep.equal(greedy);
      }
    });

    it('with the numbers that scoring gives', async () => {
      const all = await answers(request(1, { n: 4, temperature: 0.9, topP: 0.95, maxTokens: 12 }));
      for (const answer of all) {
        const score = await policy.score({ ...sequences[1], responseIds: idsOf(answer) });
        const close = { atol: 1e-4, rtol: 0 };
        expectClose(
          answer.map(({ logp }) => logp),
          score.logps,
          close,
          'logp',
        );
        expectClose(
          answer.map(({ entropy }) => entropy),
          score.entropy,
          close,
          'entropy',
        );
        expectClose(
          answer.map(({ top1 }) => top1),
          score.top1,
          close,
          'top1',
        );
      }
    });

    it('the same answers from the same seed, however many there are', async () => {
      const two = await answers(request(0, { n: 2 }));
      const five = await answers(request(0, { n: 5 }));
      expect(five.slice(0, 2)).to.deep.equal(two);
      expect(idsOf(five[1])).to.not.deep.equal(idsOf(five[0]));
      expect(await answers(request(0, { n: 2, seed: 12 }))).to.not.deep.equal(two);
    });

    it('until a stop token or the length, each answer on its own', async () => {
      const [free] = await answers(request(0, { n: 1 }));
      const stop = free[2].id;
      const all = await answers(request(0, { n: 4, stopIds: [stop] }));
      expect(idsOf(all[0])).to.deep.equal(idsOf(free).slice(0, 1 + idsOf(free).indexOf(stop)));
      expect(all[0].at(-1)?.finished).to.equal('stop');
      for (const answer of all) {
        const finished = answer.map((token) => token.finished);
        expect(finished.slice(0, -1).every((reason) => reason === undefined)).to.equal(true);
        expect(finished.at(-1)).to.equal(answer.at(-1)?.id === stop ? 'stop' : 'length');
      }
    });

    it('until the signal, keeping what was drawn', async () => {
      const controller = new AbortController();
      const seen: GeneratedToken[] = [];
      let error: Error | undefined;
      try {
        for await (const token of policy.generate(request(0, { n: 2, signal: controller.signal }))) {
          seen.push(token);
          if (seen.length === 3) controller.abort();
        }
      } catch (caught) {
        error = caught as Error;
      }
      expect(error?.name).to.equal('CancelledError');
      expect(seen.map(({ index }) => index)).to.deep.equal([0, 1, 0, 1]);
    });

    it('nothing that leaks, also when the caller walks away', async () => {
      const gpu = await sharedGpu();
      const live: number[] = [];
      for (let run = 0; run < 10; run++) {
        for await (const token of policy.generate(request(0, { maxTokens: 4 }))) {
          if (run % 2 && token.index === 1) break;
        }
        live.push(gpu.liveBytes);
      }
      expect(live[9]).to.equal(live[1]);
      expect(gpu.openScopes().map(({ label }) => label)).to.deep.equal(['policy', 'test']);
    });

    it('nothing from settings that make no sense', async () => {
      for (const [changes, words] of [
        [{ n: 0 }, /"n" is 0/],
        [{ temperature: -1 }, /temperature/],
        [{ topP: 0 }, /topP/],
        [{ maxTokens: 1000 }, /1000.*at most/],
      ] as [Partial<GenerateRequest>, RegExp][]) {
        let message = '';
        await answers(request(0, { n: 1, ...changes })).catch((error) => {
          message = error.message;
        });
        expect(message).to.match(words);
      }
    });
  });
}
