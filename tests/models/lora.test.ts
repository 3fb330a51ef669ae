import { expect } from '@esm-bundle/chai';
import type { Scope } from '../../src/kernels/gpu/index.ts';
import type { GeneratedToken } from '../../src/models/policy/generate.ts';
import {
  generationBytes,
  LORA_TARGETS,
  type LoraConfig,
  trainingBytes,
  trainingSize,
} from '../../src/models/policy/index.ts';
import type { SequenceInput } from '../../src/models/policy/layout.ts';
import { type LoraGoldenSetup, loadLoraGolden, pairSequences } from '../support/lora-golden.ts';
import { sharedGpu } from '../support/shared-gpu.ts';
import { EXACT, expectClose } from '../support/tolerance.ts';

describe('LoRA adapter', () => {
  let setup: LoraGoldenSetup;
  let scope: Scope;
  let sequences: SequenceInput[];

  before(async () => {
    const gpu = await sharedGpu();
    setup = await loadLoraGolden(gpu, 'tied');
    scope = gpu.scope('test');
    sequences = pairSequences(scope, setup);
  });
  after(() => {
    scope.dispose();
    setup.adapter.dispose();
    setup.policy.dispose();
  });

  it('has names and shapes as PEFT writes them', () => {
    const { matrices } = setup.policy.planLora({ r: 3, targets: ['k_proj', 'down_proj'] });
    expect(matrices.map(({ name, shape }) => [name, ...shape])).to.deep.equal(
      [0, 1].flatMap((layer) => {
        const path = `base_model.model.model.text_model.layers.${layer}`;
        return [
          [`${path}.self_attn.k_proj.lora_A.weight`, 3, 48],
          [`${path}.self_attn.k_proj.lora_B.weight`, 32, 3],
          [`${path}.mlp.down_proj.lora_A.weight`, 3, 132],
          [`${path}.mlp.down_proj.lora_B.weight`, 48, 3],
        ];
      }),
    );
  });

  it('defaults to rank 16, alpha 32 and every linear layer', () => {
    const { config, matrices, parameterCount } = setup.policy.planLora();
    expect(config).to.deep.equal({ r: 16, alpha: 32, targets: LORA_TARGETS, dropout: 0, seed: 0 });
    expect(parameterCount).to.equal(matrices.reduce((total, { shape }) => total + shape[0] * shape[1], 0));
    const perLayer = 48 + 96 + 2 * (48 + 32) + 96 + 48 + 3 * (48 + 132);
    expect(parameterCount).to.equal(2 * 16 * perLayer);
  });

  it('starts as PEFT does: A uniform within 1/√in, B zero, the same for the same seed', async () => {
    const read = async (lora: Partial<LoraConfig>) => {
      const adapter = setup.policy.createAdapter(lora);
      const matrices = await adapter.read();
      adapter.dispose();
      return matrices;
    };
    const first = await read({ r: 6, seed: 5 });
    for (const [name, values] of first) {
      if (name.includes('lora_B')) expect(Math.max(...values.map(Math.abs)), name).to.equal(0);
      else {
        const bound = 1 / Math.sqrt(values.length / 6);
        const largest = Math.max(...values.map(Math.abs));
        expect(largest, name).to.be.within(0.9 * bound, bound);
        const mean = values.reduce((total, value) => total + value, 0) / values.length;
        expect(Math.abs(mean), name).to.be.below(0.2 * bound);
      }
    }
    expect([...(await read({ r: 6, seed: 5 }))]).to.deep.equal([...first]);
    expect([...(await read({ r: 6, seed: 6 }))]).to.not.deep.equal([...first]);
  });

  it('changes nothing before training', async () => {
    const adapter = setup.policy.createAdapter();
    const [reference] = await setup.policy.scoreMany(sequences);
    const [policy] = await setup.policy.scoreMany(sequences, { adapter });
    expectClose(policy.logps, reference.logps, EXACT, 'logps');
    adapter.dispose();
  });

  it('gives back what was written', async () => {
    const written = await setup.adapter.read();
    const other = setup.policy.createAdapter(setup.golden.lora);
    other.write(written);
    expect([...(await other.read())]).to.deep.equal([...written]);
    const missing = new Map([...written].slice(1));
    expect(() => other.write(missing)).to.throw(/has no "base_model.*q_proj/);
    other.dispose();
  });

  it('samples what it scores', async () => {
    const { policy, adapter } = setup;
    const [prompt] = sequences;
    const settings = { n: 2, temperature: 1, topP: 1, maxTokens: 6, stopIds: [], adapter };
    const answers: { id: number; logp: number }[][] = [[], []];
    for await (const token of policy.generate({ prompts: [{ ...prompt, seed: 3 }], ...settings }))
      answers[token.index].push(token);
    const scores = await policy.scoreMany(
      answers.map((answer) => ({ ...prompt, responseIds: answer.map(({ id }) => id) })),
      { adapter },
    );
    scores.forEach(({ logps }, i) => {
      const generated = answers[i].map(({ logp }) => logp);
      expectClose(generated, logps, { atol: 1e-4, rtol: 0 }, `answer ${i}`);
    });
  });

  it('refuses a configuration that cannot be used', () => {
    const plan = (lora: object) => () => setup.policy.planLora(lora as Partial<LoraConfig>);
    expect(plan({ r: 0 })).to.throw(/rank is 0/);
    expect(plan({ alpha: -1 })).to.throw(/alpha is -1/);
    for (const dropout of [-0.1, 1, Number.NaN]) expect(plan({ dropout })).to.throw(/at least 0 and below 1/);
    expect(plan({ targets: [] })).to.throw(/at least one target/);
    expect(plan({ targets: ['lm_head'] })).to.throw(/cannot adapt "lm_head"/);
  });

  it('takes the memory that was announced, and leaks nothing', async () => {
    const gpu = await sharedGpu();
    const { policy, adapter } = setup;
    const gradients = adapter.zeros(scope, 'gradients');
    const dLogps = new Float32Array(sequences.reduce((total, { responseIds }) => total + responseIds.length, 0)).fill(
      0.1,
    );
    const live: number[] = [];
    gpu.resetPeak();
    const before = gpu.liveBytes;
    for (let step = 0; step < 5; step++) {
      const work = gpu.scope('step');
      const pass = policy.trainingPass(sequences, adapter);
      pass.backward(work.upload('f32', [dLogps.length], dLogps, 'd(logps)'), gradients);
      pass.dispose();
      work.dispose();
      await gpu.idle();
      live.push(gpu.liveBytes);
    }
    expect(live).to.deep.equal(new Array(5).fill(before));
    const { rows, tokens } = trainingSize(sequences);
    expect(rows).to.equal(13 + 10 + 6 + 4 + 0 + 4);
    const { activations, largestBuffer } = trainingBytes(policy.config, adapter.plan, rows, tokens);
    const used = gpu.peakBytes - before;
    expect(used).to.be.within(0.8 * activations, activations);
    expect(largestBuffer.bytes).to.be.at.most(activations);
  });

  it('samples in the memory that was announced', async () => {
    const gpu = await sharedGpu();
    const { policy, adapter } = setup;
    const prompts = sequences.map((prompt, seed) => ({ ...prompt, seed }));
    const promptLengths = prompts.map(({ promptIds }) => promptIds.length);
    const settings = { n: 3, temperature: 1, topP: 1, maxTokens: 24, stopIds: [], adapter };
    for (const mixture of [{}, { mixtureCoef: 0.5 }]) {
      await gpu.idle();
      const before = gpu.liveBytes;
      gpu.resetPeak();
      for await (const _ of policy.generate({ prompts, ...settings, ...mixture }));
      const size = { promptLengths, n: 3, maxTokens: 24, models: 'mixtureCoef' in mixture ? 2 : 1 } as const;
      const announced = generationBytes(policy.config, adapter.plan, size);
      expect(gpu.peakBytes - before).to.be.within(0.8 * announced, announced);
      expect(gpu.liveBytes).to.equal(before);
    }
  });

  it('adds gradients of several micro-batches to those of one', async () => {
    const gpu = await sharedGpu();
    const { policy, adapter } = setup;
    const run = (batch: SequenceInput[], gradients: ReturnType<typeof adapter.zeros>) => {
      const pass = policy.trainingPass(batch, adapter);
      const slopes = Float32Array.from({ length: pass.tokens }, (_, i) => ((i % 3) - 1) * 0.1);
      // Each sequence's slopes start anew, so that a batch and its parts mean the same.
      for (let s = 0; s < batch.length; s++) {
        for (let i = pass.starts[s]; i < pass.starts[s + 1]; i++) slopes[i] = (((i - pass.starts[s]) % 3) - 1) * 0.1;
      }
      const d = scope.upload('f32', [pass.tokens], slopes, 'd(logps)');
      pass.backward(d, gradients);
      expect(() => pass.backward(d, gradients)).to.throw(/already run/);
      pass.dispose();
    };
    const whole = adapter.zeros(scope, 'whole');
    run(sequences, whole);
    const parts = adapter.zeros(scope, 'parts');
    for (const sequence of sequences) run([sequence], parts);
    const [expected, actual] = await gpu.readAll([whole, parts]);
    expectClose(actual, expected, { atol: 1e-4, rtol: 1e-4 }, 'gradients');
  });

  it('samples from the geometric mixture of policy and reference', async () => {
    const { policy, adapter } = setup;
    const prompts = [{ ...sequences[0], seed: 4 }];
    const request = { prompts, n: 6, temperature: 1, topP: 1, maxTokens: 1, stopIds: [], adapter };
    const drawn = async (given: Partial<typeof request & { mixtureCoef: number }>) => {
      const tokens: GeneratedToken[] = [];
      for await (const token of policy.generate({ ...request, ...given })) tokens.push(token);
      return tokens;
    };
    const numbers = (tokens: GeneratedToken[]) => tokens.flatMap(({ id, logp }) => [id, logp]);
    const { adapter: _, ...reference } = request;
    const alone: GeneratedToken[] = [];
    for await (const token of policy.generate(reference)) alone.push(token);
    expectClose(numbers(await drawn({ mixtureCoef: 1 })), numbers(alone), { atol: 1e-6, rtol: 0 });
    expectClose(numbers(await drawn({ mixtureCoef: 0 })), numbers(await drawn({})), { atol: 1e-6, rtol: 0 });
    // Up to the one normaliser, its log-probabilities are the weighted mean of both models'.
    const mixed = await drawn({ mixtureCoef: 0.25 });
    const normalisers: number[] = [];
    for (const { id, logp } of mixed) {
      const sequence = { ...sequences[0], responseIds: [id] };
      const [[p], [r]] = [await policy.score({ ...sequence, adapter }), await policy.score(sequence)].map(
        (s) => s.logps,
      );
      normalisers.push(logp - (0.75 * p + 0.25 * r));
    }
    expect(new Set(mixed.map(({ id }) => id)).size).to.be.greaterThan(1);
    expect(normalisers[0]).to.be.greaterThan(0);
    expectClose(
      normalisers,
      normalisers.map(() => normalisers[0]),
      { atol: 1e-4, rtol: 0 },
    );
  });
});
