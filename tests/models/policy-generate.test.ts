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

    const SETTINGS = { n: 3, temperature: 1, topP: 1, maxTokens: 8, stopIds: [] };
    const request = (index: number, changes: Partial<GenerateRequest> = {}, seed = 11): GenerateRequest => ({
      prompts: [{ ...sequences[index], seed }],
      ...SETTINGS,
      ...changes,
    });

    /** Tokens by prompt and answer. */
    async function answersTo(wanted: GenerateRequest): Promise<GeneratedToken[][][]> {
      const all = wanted.prompts.map(() => Array.from({ length: wanted.n }, (): GeneratedToken[] => []));
      for await (const token of policy.generate(wanted)) all[token.prompt][token.index].push(token);
      return all;
    }
    /** Tokens by answer to the first prompt. */
    const answers = async (wanted: GenerateRequest) => (await answersTo(wanted))[0];
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
      expect(await answers(request(0, { n: 2 }, 12))).to.not.deep.equal(two);
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

    it('to several prompts what it answers to each alone, bit for bit', async () => {
      const lengths = new Set(sequences.map(({ promptIds }) => promptIds.length));
      expect(lengths.size, 'prompts of different lengths').to.be.greaterThan(1);
      // More rows than a workgroup of any kernel takes, and one prompt twice.
      const prompts = [...sequences, sequences[0]].map((prompt, p) => ({ ...prompt, seed: 20 + p }));
      const [[, , stop]] = (await answers({ ...SETTINGS, prompts: [prompts[1]], n: 1 })).map(idsOf);
      const settings = { ...SETTINGS, n: 5, stopIds: [stop] };
      const together = await answersTo({ ...settings, prompts });
      const ends = new Set(together.flat().map((answer) => answer.length));
      expect(ends.size, 'answers that end at different steps').to.be.greaterThan(1);
      for (const [p, prompt] of prompts.entries()) {
        const alone = await answers({ ...settings, prompts: [prompt] });
        expect(together[p]).to.deep.equal(alone.map((answer) => answer.map((token) => ({ ...token, prompt: p }))));
        const [first] = await answers({ ...settings, prompts: [prompt], n: 1 });
        expect(first).to.deep.equal(alone[0]);
      }
    });

    it('to more prompts than one pass reads', async () => {
      const prompts = Array.from({ length: Math.ceil(2100 / sequences[0].promptIds.length) }, (_, seed) => ({
        ...sequences[0],
        seed,
      }));
      const all = await answersTo({ ...SETTINGS, prompts, n: 1, maxTokens: 2 });
      const [last] = await answers({ ...SETTINGS, prompts: [prompts.at(-1)!], n: 1, maxTokens: 2 });
      expect(all.at(-1)![0].map(({ id, logp }) => [id, logp])).to.deep.equal(last.map(({ id, logp }) => [id, logp]));
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
      // Beside one another, prompts take their turns in every step.
      const others = new AbortController();
      const order: number[] = [];
      const prompts = sequences.slice(0, 2).map((prompt) => ({ ...prompt, seed: 1 }));
      const read = async () => {
        for await (const { prompt } of policy.generate({ ...SETTINGS, prompts, n: 2, signal: others.signal })) {
          if (order.push(prompt) === 5) others.abort();
        }
      };
      expect(await read().catch(({ name }) => name)).to.equal('CancelledError');
      expect(order).to.deep.equal([0, 0, 1, 1, 0, 0, 1, 1]);
      expect((await sharedGpu()).openScopes().map(({ label }) => label)).to.deep.equal(['policy', 'test']);
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
        [{ prompts: [] }, /There is no prompt/],
        [{ prompts: [request(0).prompts[0], { promptIds: [], seed: 0 }] }, /has no tokens/],
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
