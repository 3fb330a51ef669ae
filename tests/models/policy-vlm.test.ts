import { expect } from '@esm-bundle/chai';
import type { Scope } from '../../src/kernels/gpu/index.ts';
import { parseLlamaConfig } from '../../src/models/policy/config.ts';
import type { SequenceInput } from '../../src/models/policy/layout.ts';
import { Policy } from '../../src/models/policy/policy.ts';
import { Safetensors } from '../../src/models/weights/safetensors.ts';
import { uploadVisual } from '../support/decoder-golden.ts';
import { sharedGpu } from '../support/shared-gpu.ts';
import { expectClose } from '../support/tolerance.ts';

/** What `models/recipe/golden.py` writes: Hugging Face transformers on the shipped folder, in float32. */
interface VlmGolden {
  readonly model_sha256: string;
  readonly cases: {
    readonly input_ids: number[];
    readonly answer_ids: number[];
    readonly logps: number[];
    /** f32 [visual tokens, hidden], base64; some cases have it. */
    readonly image_features?: string;
  }[];
}

/** f32 in two orders of summation, through the shipped layers. */
const GOLDEN = { atol: 1e-3, rtol: 0 };

async function fetchFile(path: string): Promise<Response> {
  const response = await fetch(new URL(`../../${path}`, import.meta.url));
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response;
}

describe('policy of the bundled model', () => {
  let golden: VlmGolden;
  let weights: ArrayBuffer;
  let policy: Policy;
  let scope: Scope;
  let sequences: SequenceInput[];
  let expected: number[][];

  before(async () => {
    const gpu = await sharedGpu();
    golden = await (await fetchFile('tests/golden/vlm/golden.json')).json();
    const configJson = await (await fetchFile('models/toybox-vlm/config.json')).json();
    weights = await (await fetchFile('models/toybox-vlm/model.safetensors')).arrayBuffer();
    const config = parseLlamaConfig(configJson);
    policy = await Policy.load(gpu, config, Safetensors.parse(weights, 'model.safetensors'));
    scope = gpu.scope('test');
    const withFeatures = golden.cases.filter((one) => one.image_features);
    expected = withFeatures.map((one) => one.logps);
    sequences = withFeatures.map((one) => ({
      promptIds: one.input_ids,
      responseIds: one.answer_ids,
      visual: uploadVisual(scope, one.image_features!, config.hiddenSize),
      imageTokenId: configJson.image_token_id,
    }));
  });
  after(() => {
    scope.dispose();
    policy.dispose();
  });

  it('has the weights that the golden numbers belong to', async () => {
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', weights));
    const hex = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    expect(hex, 'run models/recipe/golden.py after every export').to.equal(golden.model_sha256);
  });

  it('scores as Hugging Face transformers does', async () => {
    expect(sequences.length).to.be.at.least(4);
    const scores = await policy.scoreMany(sequences);
    scores.forEach(({ logps }, i) => {
      expectClose(logps, expected[i], GOLDEN, `case ${i}`);
    });
  });

  it('generates with the numbers that scoring gives', async () => {
    const [prompt] = sequences;
    const settings = { n: 2, temperature: 1, topP: 0.9, maxTokens: 16, stopIds: [] };
    const answers: { id: number; logp: number }[][] = [[], []];
    const request = { prompts: [{ ...prompt, seed: 3 }], ...settings };
    for await (const token of policy.generate(request)) answers[token.index].push(token);
    const scores = await policy.scoreMany(
      answers.map((answer) => ({ ...prompt, responseIds: answer.map(({ id }) => id) })),
    );
    scores.forEach(({ logps }, i) => {
      expectClose(
        answers[i].map(({ logp }) => logp),
        logps,
        { atol: 1e-4, rtol: 0 },
        `answer ${i}`,
      );
    });
  });

  it('says greedily beside others what it says alone', async () => {
    const settings = { n: 1, temperature: 0, topP: 1, maxTokens: 12, stopIds: [] };
    const answers = async (prompts: SequenceInput[]) => {
      const all: { id: number; logp: number }[][] = prompts.map(() => []);
      const request = { prompts: prompts.map((prompt) => ({ ...prompt, seed: 0 })), ...settings };
      for await (const { prompt, id, logp } of policy.generate(request)) all[prompt].push({ id, logp });
      return all;
    };
    const together = await answers(sequences);
    for (const [i, sequence] of sequences.entries()) {
      expect(together[i], `case ${i}`).to.deep.equal((await answers([sequence]))[0]);
    }
  });
});
