import { expect } from '@esm-bundle/chai';
import { InputError } from '../../src/errors.ts';
import { truthReward } from '../../src/preference/metrics/index.ts';
import { clipReward, EMPTY_CLIP, rewardWeights } from '../../src/training/online/rewards.ts';
import { rewardAnswers, sampleAnswers } from '../../src/training/online/rollout.ts';
import type { AnswerSource } from '../../src/training/online/source.ts';
import {
  checkpointOf,
  collect,
  loadTrajectory,
  metricsOf,
  peftAdapter,
  peftZip,
  type Run,
  type Trajectory,
  trainerFor,
} from '../support/trajectory.ts';

/** Even tokens are worth having: a reward that needs no words. */
const share = (ids: readonly number[]) => ids.filter((id) => id % 2 === 0).length / ids.length;
const written = (ids: readonly number[]) => ids.join(' ');
const read = (text: string) => text.split(' ').map(Number);

const SOURCE: AnswerSource = {
  stopIds: [7],
  decode: written,
  rewards: [{ name: 'truth', weight: 1, score: async (_, texts) => texts.map((text) => share(read(text))) }],
};
const EQUAL: AnswerSource = {
  ...SOURCE,
  rewards: [{ name: 'truth', weight: 1, score: async (_, texts) => texts.map(() => 0.5) }],
};

const CONFIG = {
  num_generations: 4,
  max_completion_length: 10,
  per_device_train_batch_size: 2,
  learning_rate: 5e-3,
  warmup_steps: 0,
};

describe('online training', () => {
  let trajectory: Trajectory;

  before(async () => {
    const loaded = await loadTrajectory();
    // Prompts whose answers are still to come.
    const pairs = loaded.pairs.map((pair) => ({ ...pair, chosenIds: [], rejectedIds: [] }));
    trajectory = { ...loaded, pairs };
  });

  after(() => trajectory.policy.dispose());

  async function run(
    { config, stopAfter, answers = SOURCE, ...given }: Run & { stopAfter?: number; answers?: AnswerSource },
    resume?: ReturnType<typeof checkpointOf>,
  ) {
    const adapter =
      given.objective === 'ppo_fact_rlhf'
        ? trajectory.policy.createAdapter({ r: 4, seed: 3, critic: true })
        : await peftAdapter(trajectory.policy, await peftZip('initial'));
    try {
      const options = { ...trajectory, answers };
      const trainer = trainerFor(options, adapter, { ...given, config: { ...CONFIG, ...config } }, resume);
      const collected = await collect(trainer.run({ stopAfter }));
      trainer.dispose();
      return { ...collected, plan: trainer.plan };
    } finally {
      adapter.dispose();
    }
  }

  it('samples the same answers from the same seed and step, others from others', async () => {
    const { policy, pairs } = trajectory;
    const adapter = await peftAdapter(policy, await peftZip('trained'));
    const { config } = trainerSettings();
    const options = { policy, adapter, config, stopIds: [7] };
    type Place = { seed: number; step: number; position: number };
    const draws = [
      { author: 'policy', n: 3 },
      { author: 'mixture', n: 2 },
    ] as const;
    const answers = (places: Place[], indices: number[]) =>
      sampleAnswers(
        places.map((place, i) => ({ prompt: { promptIds: pairs[indices[i]].promptIds }, place })),
        draws,
        options,
      );
    const sampled = async (place: Place) => (await answers([place], [0]))[0].map(({ ids }) => written(ids));
    const here = await sampled({ seed: 5, step: 3, position: 1 });
    expect(new Set(here).size).to.be.greaterThan(1);
    expect(await sampled({ seed: 5, step: 3, position: 1 })).to.deep.equal(here);
    for (const other of [{ seed: 6 }, { step: 4 }, { position: 2 }]) {
      expect(await sampled({ seed: 5, step: 3, position: 1, ...other })).not.to.deep.equal(here);
    }
    const places = [0, 1, 2].map((position) => ({ seed: 5, step: 3, position }));
    const together = await answers(places, [2, 0, 1]);
    for (const [i, index] of [2, 0, 1].entries()) {
      expect(together[i], 'beside others').to.deep.equal((await answers([places[i]], [index]))[0]);
    }
    adapter.dispose();
  });

  for (const objective of [
    'grpo',
    'bnpo',
    'dr_grpo',
    'rloo',
    'raft',
    'rrhf',
    'online_dpo',
    'xpo',
    'nash_md',
    'ppo_fact_rlhf',
  ]) {
    it(`trains with ${objective}, and logs what was sampled`, async () => {
      const { events, error, plan } = await run({ objective, config: { max_steps: 2 } });
      expect(error).to.equal(undefined);
      const metrics = metricsOf(events);
      expect(metrics).to.have.length(2);
      for (const step of metrics) {
        expect(Number.isFinite(step.loss)).to.equal(true);
        expect(step.grad_norm).to.be.greaterThan(0);
        expect(step.reward).to.be.within(0, 1);
        expect(step['rewards/truth/mean']).to.equal(step.reward);
        expect(step['completions/mean_length']).to.be.within(1, 10);
        expect(step.entropy).to.be.greaterThan(0);
        const { index, answers } = step.completions!;
        expect(index).to.be.within(0, 7);
        expect(answers).to.have.length({ online_dpo: 2, xpo: 2, nash_md: 8 }[objective] ?? 4);
        for (const { text, reward } of answers) expect(reward).to.be.closeTo(share(read(text)), 1e-9);
      }
      expect(plan.steps).to.equal(2);
      const withReference = !['bnpo', 'dr_grpo', 'raft', 'rrhf'].includes(objective);
      // Before the first update the policy is the reference.
      expect(metrics[0].kl).to.equal(withReference ? 0 : undefined);
    });
  }

  it('resumes the same trajectory, samples included', async () => {
    const given = { objective: 'grpo', config: { max_steps: 4 } };
    const whole = await run(given);
    const begun = await run({ ...given, stopAfter: 2 });
    const resumed = await run({ objective: 'grpo' }, structuredClone(checkpointOf(begun.events)));
    const rest = metricsOf(whole.events).slice(2);
    const again = metricsOf(resumed.events);
    for (const name of ['loss', 'reward', 'reward_std', 'grad_norm', 'kl', 'num_tokens', 'completions'] as const) {
      expect(again.map((step) => step[name])).to.deep.equal(rest.map((step) => step[name]));
    }
    expect([...checkpointOf(resumed.events).values]).to.deep.equal([...checkpointOf(whole.events).values]);
  });

  it('raises the reward', async () => {
    const { events } = await run({
      objective: 'grpo',
      config: { max_steps: 8, per_device_train_batch_size: 8, learning_rate: 3e-2, lr_scheduler_type: 'constant' },
    });
    const rewards = metricsOf(events).map(({ reward }) => reward!);
    expect(rewards.at(-1)).to.be.greaterThan(rewards[0] + 0.15);
  });

  it('counts groups without spread, and learns nothing from them', async () => {
    const { events, error } = await run({
      objective: 'bnpo',
      hyperparameters: { beta: 0 },
      config: { max_steps: 2 },
      answers: EQUAL,
    });
    expect(error).to.equal(undefined);
    for (const { frac_reward_zero_std, reward_std, loss, grad_norm } of metricsOf(events)) {
      expect([frac_reward_zero_std, reward_std, Math.abs(loss), grad_norm]).to.deep.equal([1, 0, 0, 0]);
    }
  });

  it('takes from two prompts at once what two passes of one give', async () => {
    const first = async (size: number) => {
      const config = { max_steps: 1, per_device_train_batch_size: size, gradient_accumulation_steps: 4 / size };
      return metricsOf((await run({ objective: 'grpo', config })).events)[0];
    };
    const [whole, parts] = [await first(4), await first(1)];
    expect(parts.reward).to.be.closeTo(whole.reward!, 1e-9);
    expect(parts.grad_norm).to.be.closeTo(whole.grad_norm, 1e-4 * whole.grad_norm);
  });

  it('foretells its memory', async () => {
    const { gpu } = trajectory;
    const before = gpu.liveBytes;
    gpu.resetPeak();
    const { plan } = await run({ objective: 'grpo', config: { max_steps: 2 } });
    expect(plan.trainingBytes).to.be.at.least(gpu.peakBytes - before);
    expect(gpu.liveBytes).to.equal(before);
    // Many prompts side by side hold more than the micro-batches of one that follow.
    const config = { max_steps: 1, per_device_train_batch_size: 1, max_completion_length: 40 };
    const one = (await run({ objective: 'nash_md', config })).plan;
    gpu.resetPeak();
    const many = await run({ objective: 'nash_md', config: { ...config, gradient_accumulation_steps: 8 } });
    expect(many.plan.trainingBytes).to.be.at.least(gpu.peakBytes - before);
    expect(many.plan.trainingBytes).to.be.greaterThan(one.trainingBytes);
  });

  it('gives Nash-MD the probability of beating the mixture', async () => {
    const { events } = await run({ objective: 'nash_md', config: { max_steps: 1, num_generations: 1 } });
    const [{ completions, ...metrics }] = metricsOf(events);
    const [own, other] = completions!.answers;
    expect([own.author, other.author]).to.deep.equal(['policy', 'mixture']);
    expect(own.signal).to.be.closeTo(1 / (1 + Math.exp(other.reward - own.reward)) - 0.5, 1e-6);
    expect(other.signal).to.equal(undefined);
    expect(metrics['rewards/probabilities']).to.be.within(0.2, 0.8);
  });

  it('says what cannot be learnt from', async () => {
    const refused = async (given: Run) => {
      const adapter = trajectory.policy.createAdapter({ r: 4, seed: 3 });
      try {
        trainerFor({ ...trajectory, answers: SOURCE }, adapter, { ...given, config: { ...CONFIG, ...given.config } });
        return expect.fail('nothing was thrown');
      } catch (error) {
        expect(error).to.be.instanceOf(InputError);
        return (error as Error).message;
      } finally {
        adapter.dispose();
      }
    };
    expect(await refused({ objective: 'grpo', config: { num_generations: 1 } })).to.contain(
      'GRPO needs at least 2 answers per prompt, and num_generations is 1: a group of one has no standard deviation',
    );
    expect(await refused({ objective: 'rloo', config: { temperature: 0 } })).to.contain('would be the same');
    expect(await refused({ objective: 'grpo', config: { max_completion_length: 300 } })).to.contain(
      'Lower max_completion_length',
    );
    expect(await refused({ objective: 'grpo', config: { num_generations: 17 } })).to.contain('from 1 to 16');
  });

  /** Settings of a run with the defaults of this file. */
  function trainerSettings() {
    const adapter = trajectory.policy.createAdapter({ r: 4, seed: 3 });
    const trainer = trainerFor({ ...trajectory, answers: SOURCE }, adapter, { objective: 'grpo', config: CONFIG });
    trainer.dispose();
    adapter.dispose();
    return trainer.plan;
  }
});

describe('rewards', () => {
  it('of the truth: recall less what was invented, each noun once', () => {
    const truth = { by: 'scene', objects: ['cat', 'apple'], doubtful: [] } as const;
    expect(truthReward('A cat and two apples.', truth)).to.equal(1);
    expect(truthReward('A cat, a cat and a cat.', truth)).to.equal(0.5);
    expect(truthReward('A cat and a dog.', truth)).to.equal(0);
    expect(truthReward('A dog, a dog and a rabbit.', truth)).to.equal(-1);
    expect(truthReward('', truth)).to.equal(0);
    expect(truthReward('A cat and a dog.', { ...truth, doubtful: ['dog'] })).to.equal(0.5);
    expect(truthReward('A dog.', { ...truth, objects: [] })).to.equal(-1);
  });

  it('of CLIP: the least for silence, which CLIP is not asked about', async () => {
    const asked: (readonly string[])[] = [];
    const similarity = async (texts: readonly string[]) => {
      asked.push(texts);
      return texts.map((text) => text.length / 10);
    };
    expect(await clipReward(['abc', ' ', 'ab'], similarity)).to.deep.equal([0.3, EMPTY_CLIP, 0.2]);
    expect(await clipReward([''], similarity)).to.deep.equal([EMPTY_CLIP]);
    expect(asked).to.deep.equal([['abc', 'ab']]);
  });

  it('add up by their weights', async () => {
    const functions = [
      { name: 'clip' as const, weight: 10, score: async () => [0.3, 0.2] },
      { name: 'truth' as const, weight: -1, score: async () => [1, 0.5] },
    ];
    const answer = { author: 'policy' as const, ids: [1], hasStop: 1 as const };
    const { answers } = await rewardAnswers(0, [answer, answer], written, functions, undefined);
    expect(answers.map(({ reward, rewards }) => [reward, ...rewards])).to.deep.equal([
      [2, 0.3, 1],
      [1.5, 0.2, 0.5],
    ]);
    expect(rewardWeights('truth')).to.deep.equal({ truth: 1 });
    expect(rewardWeights({ clip: 10, truth: 0 })).to.deep.equal({ clip: 10 });
    expect(() => rewardWeights({ clip: 0 })).to.throw(InputError, 'could earn anything');
    expect(() => rewardWeights({ clip: Number.NaN })).to.throw(InputError, 'finite');
    expect(() => rewardWeights('beauty' as 'clip')).to.throw(InputError, 'There is no reward "beauty"');
  });
});
