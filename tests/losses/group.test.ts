import { expect } from '@esm-bundle/chai';
import { InputError } from '../../src/errors.ts';
import { evaluateGroupOnGpu } from '../../src/kernels/group-loss/index.ts';
import {
  evaluateGroupF64,
  type GroupEvaluation,
  type GroupRequest,
} from '../../src/kernels/losses/families/evaluate-group.ts';
import type { Completion, GroupObjective } from '../../src/kernels/losses/families/group.ts';
import { groupObjectives } from '../../src/kernels/losses/families/index.ts';
import { type Random, random } from '../support/random.ts';
import { sharedGpu } from '../support/shared-gpu.ts';
import { expectClose } from '../support/tolerance.ts';
import { F64, WGSL } from './checks.ts';
import { describeLoss, drawFor, familyReference, type Reference, slope } from './family-checks.ts';

/** Every number an f32, so that GPU and float64 start from the same input. */
function drawAnswer(generator: Random, id: string, drift = 0.3): Completion {
  const draw = (at: () => number) => Array.from({ length }, () => Math.fround(at()));
  const length = 1 + generator.int(12);
  const logps = draw(() => -0.1 - 2 * generator.next());
  const near = (values: readonly number[], scale: number) =>
    values.map((value) => Math.fround(value + scale * generator.normal()));
  const oldValues = draw(() => generator.normal());
  return {
    logps,
    oldLogps: near(logps, drift),
    refLogps: near(logps, drift),
    reward: Math.fround(id === 'nash_md' ? generator.next() : generator.normal()),
    values: near(oldValues, 0.3),
    oldValues,
    hasStop: generator.int(2),
    answerBonus: [-0.5, 0, 0.5, 1][generator.int(4)],
  };
}

const groupSizeOf = ({ group, id }: GroupObjective): number => (group.exact ? group.size : id === 'nash_md' ? 1 : 4);

function drawRequest(objective: GroupObjective, generator: Random, groups: number, knobs: Random | null): GroupRequest {
  const groupSize = groupSizeOf(objective);
  const completions = Array.from({ length: groups * groupSize }, () => drawAnswer(generator, objective.id));
  return { objective: objective.id, hyperparameters: drawFor(objective, knobs), groupSize, completions };
}

async function compare(request: GroupRequest): Promise<GroupEvaluation> {
  const what = `${request.objective} ${JSON.stringify(request.hyperparameters)}`;
  const [actual, expected] = [await evaluateGroupOnGpu(await sharedGpu(), request), evaluateGroupF64(request)];
  expectClose([actual.loss], [expected.loss], WGSL, `${what}: loss`);
  expectClose(actual.gradients.flat(), expected.gradients.flat(), WGSL, `${what}: gradients`);
  if (expected.valueGradients) {
    expectClose(actual.valueGradients!.flat(), expected.valueGradients.flat(), WGSL, `${what}: value gradients`);
    expectClose([actual.clipFraction!], [expected.clipFraction!], WGSL, `${what}: clipped`);
  }
  return expected;
}

/** The reference's answers: cut to their masks, or padded as the reference's PPO sees them. */
function answersOf(groups: Reference, padded = false): Completion[] {
  return groups.reward.map((reward: number, i: number) => {
    const cut = (values: number[]) => (padded ? values : values.slice(0, groups.length[i]));
    return {
      logps: cut(groups.logp[i]),
      oldLogps: cut(groups.old_logp[i]),
      refLogps: cut(groups.ref_logp[i]),
      oldValues: cut(groups.value[i]),
      reward,
      length: groups.length[i],
      hasStop: groups.has_stop[i],
      answerBonus: groups.answer_bonus[i],
    };
  });
}

/** Gradients of the reference without its padding. */
const cutTo = (gradients: number[][], answers: readonly Completion[]): number[] =>
  gradients.flatMap((row, i) => row.slice(0, answers[i].logps.length));

describe('group losses', () => {
  for (const objective of groupObjectives) describe(objective.id, () => describeGroup(objective));

  for (const norm of ['grpo', 'bnpo', 'dr_grpo']) {
    it(`agrees with the reference of ${norm}, with and without KL`, async () => {
      const { inputs, online, worked_example } = await familyReference();
      const completions = answersOf(inputs.groups);
      const knobs = (params: Reference) => ({
        epsilon: params.eps_low,
        epsilon_high: params.eps_high,
        beta: params.beta,
        scale_rewards: 1,
        ...(norm === 'dr_grpo' ? { max_completion_length: params.max_len } : {}),
      });
      for (const beta of ['0.0', '0.04']) {
        const expected = online[`${norm}_beta${beta}`];
        const request = { objective: norm, hyperparameters: knobs(expected.params), groupSize: 4, completions };
        const { loss, gradients, signals } = await compare(request);
        expectClose([loss], [expected.loss], F64, 'loss');
        expectClose(gradients.flat(), cutTo(expected.grad.logp, completions), F64, 'gradient');
        expectClose(
          signals.map((row) => row[0]),
          online.group_advantage.grpo_group_std,
          F64,
          'advantages',
        );
      }
      const { inputs: example, params, advantage, loss: value, grad } = worked_example.group_results[norm];
      const answers = [2, 3].map((length, i) => ({
        logps: example.logp[i].slice(0, length),
        oldLogps: example.old_logp[i].slice(0, length),
        refLogps: example.ref_logp[i].slice(0, length),
        reward: example.reward[i],
      }));
      const request = { objective: norm, hyperparameters: knobs(params), groupSize: 2, completions: answers };
      const { loss, gradients, signals } = await compare(request);
      expectClose([loss, signals[0][0], signals[1][0]], [value, ...advantage], F64, 'worked example');
      expectClose(gradients.flat(), cutTo(grad.logp, answers), F64, 'gradient of the worked example');
    });
  }

  for (const id of ['rloo', 'raft', 'rrhf']) {
    it(`agrees with the reference of ${id}`, async () => {
      const { inputs, online, worked_example } = await familyReference();
      const completions = answersOf(inputs.groups);
      const { loss, gradients, signals } = await compare({
        objective: id,
        hyperparameters: {},
        groupSize: 4,
        completions,
      });
      expectClose([loss], [online[id].loss], F64, 'loss');
      // The reference leaves numbers at padded positions of RLOO; no answer has tokens there.
      expectClose(gradients.flat(), cutTo(online[id].grad.logp, completions), F64, 'gradient');
      if (id === 'rloo') expectClose(signals.flat(), online.rloo.advantage, F64, 'advantages');
      const example = worked_example.group_results[id];
      const grpo = worked_example.group_results.grpo.inputs;
      const answers = [2, 3].map((length, i) => ({
        logps: example.inputs.logp[i].slice(0, length),
        oldLogps: grpo.old_logp[i].slice(0, length),
        refLogps: grpo.ref_logp[i].slice(0, length),
        reward: example.inputs.reward[i],
      }));
      const worked = await compare({ objective: id, hyperparameters: {}, groupSize: 2, completions: answers });
      expectClose([worked.loss], [example.loss], F64, 'loss of the worked example');
      expectClose(worked.gradients.flat(), cutTo(example.grad.logp, answers), F64, 'gradient of the worked example');
    });
  }

  it('agrees with the reference of PPO with the shaping of Fact-RLHF', async () => {
    const { inputs, online, worked_example } = await familyReference();
    const expected = online.ppo_fact_rlhf;
    // LLaVA-RLHF pads every answer to one length and averages over the padding too; its reference holds the policy alone.
    const completions = answersOf(inputs.groups, true);
    const request = { objective: 'ppo_fact_rlhf', hyperparameters: { vf_coef: 0 }, groupSize: 4, completions };
    const { loss, gradients, signals } = await compare(request);
    expectClose([loss], [expected.loss], F64, 'loss');
    expectClose(gradients.flat(), expected.grad.logp.flat(), F64, 'gradient');
    expectClose(signals.flat(), expected.advantage_whitened.flat(), F64, 'advantages');

    const example = worked_example.group_results.ppo_fact_rlhf;
    const answer: Completion = {
      logps: example.inputs.logp,
      oldLogps: example.inputs.old_logp,
      refLogps: example.inputs.ref_logp,
      values: example.inputs.new_value,
      oldValues: example.inputs.old_value,
      reward: example.inputs.rm_score,
      answerBonus: example.inputs.answer_bonus,
    };
    const worked = await compare({
      objective: 'ppo_fact_rlhf',
      hyperparameters: { reward_scale: 1, whiten_advantages: 0 },
      groupSize: 1,
      completions: [answer],
    });
    expectClose([worked.loss], [example.loss], F64, 'loss of the worked example');
    expectClose(worked.signals[0], example.advantage, F64, 'advantages of the worked example');
    expectClose(worked.gradients[0], example.grad.logp, F64, 'gradient of the worked example');
    expectClose(worked.valueGradients![0], example.grad.new_value, F64, 'value gradient of the worked example');
  });

  it('agrees with the worked examples of XPO, online DPO and Nash-MD', async () => {
    const { xpo, nash_md } = (await familyReference()).worked_example.group_results;
    const { policy_on_policy_sample, ref_on_policy_sample, policy_on_ref_sample, ref_on_ref_sample } = xpo.inputs;
    const completions = [
      { logps: [policy_on_policy_sample], refLogps: [ref_on_policy_sample], reward: 1 },
      { logps: [policy_on_ref_sample], refLogps: [ref_on_ref_sample], reward: 0 },
    ];
    const { loss, gradients } = await compare({
      objective: 'xpo',
      hyperparameters: xpo.params,
      groupSize: 2,
      completions,
    });
    const { policy_on_policy_sample: first, policy_on_ref_sample: second } = xpo.grad;
    expectClose([loss, ...gradients.flat()], [xpo.loss, first, second], F64, 'XPO');
    // Without its optimism, XPO is DPO on the judged pair.
    const online = { objective: 'online_dpo', hyperparameters: { beta: 0.1 }, groupSize: 2, completions };
    expectClose(
      [(await compare(online)).loss],
      [xpo.loss - xpo.params.alpha * policy_on_ref_sample],
      F64,
      'online DPO',
    );
    const { logp, ref_logp, win_prob } = nash_md.inputs;
    const nash = await compare({
      objective: 'nash_md',
      hyperparameters: nash_md.params,
      groupSize: 1,
      completions: [{ logps: logp, refLogps: ref_logp, reward: win_prob }],
    });
    expectClose([nash.loss, ...nash.gradients[0]], [nash_md.loss, ...nash_md.grad.logp], F64, 'Nash-MD');
  });

  it('gives equal rewards an advantage of exactly zero', () => {
    const completions = [1, 2, 3].map(() => ({ logps: [-1], oldLogps: [-1.1], reward: 0.5 }));
    const { loss, signals } = evaluateGroupF64({
      objective: 'grpo',
      hyperparameters: { beta: 0 },
      groupSize: 3,
      completions,
    });
    expect([Math.abs(loss), ...signals.flat()]).to.deep.equal([0, 0, 0, 0]);
  });

  it('lets the first of two equal answers win', () => {
    const completions = [-1, -2].map((logp) => ({ logps: [logp], refLogps: [-1.5], reward: 1 }));
    const { gradients } = evaluateGroupF64({ objective: 'online_dpo', hyperparameters: {}, groupSize: 2, completions });
    expect(gradients[0][0]).to.be.below(0);
    const raft = evaluateGroupF64({ objective: 'raft', hyperparameters: {}, groupSize: 2, completions });
    expect(raft.signals).to.deep.equal([[1], [0]]);
    const stopped = [{ ...completions[0], hasStop: 0 }, completions[1]];
    const judged = evaluateGroupF64({
      objective: 'online_dpo',
      hyperparameters: { missing_eos_penalty: 1 },
      groupSize: 2,
      completions: stopped,
    });
    expect(judged.gradients[0][0]).to.be.above(0);
  });

  it('says why a batch cannot be used', () => {
    const answer: Completion = { logps: [-1, -2], refLogps: [-1, -2], reward: 1 };
    const evaluate =
      (objective: string, groupSize: number, completions: Completion[], hyperparameters = {}) =>
      () =>
        evaluateGroupF64({ objective, hyperparameters, groupSize, completions });
    expect(evaluate('grpo', 1, [answer])).to.throw(
      InputError,
      'GRPO needs at least 2 answers per prompt, not 1: a group of one has no standard deviation',
    );
    expect(evaluate('rloo', 1, [answer])).to.throw(InputError, 'needs at least 2 answers per prompt');
    expect(evaluate('xpo', 4, [answer, answer, answer, answer])).to.throw(InputError, 'needs exactly 2 answers');
    expect(evaluate('grpo', 2, [answer, answer, answer])).to.throw(InputError, 'do not make whole groups of 2');
    expect(evaluate('grpo', 2, [answer, { logps: [-1], reward: 1 }])).to.throw(InputError, 'Answer 2 lacks refLogps');
    expect(evaluate('grpo', 2, [answer, { logps: [-1], reward: 1 }], { beta: 0 })).not.to.throw();
    expect(evaluate('grpo', 2, [answer, { ...answer, logps: [] }])).to.throw(InputError, 'has no scored token');
    expect(evaluate('grpo', 2, [answer, { ...answer, oldLogps: [-1] }])).to.throw(
      InputError,
      '1 oldLogps for 2 tokens',
    );
    expect(evaluate('grpo', 2, [answer, { ...answer, reward: Number.NaN }])).to.throw(InputError, 'NaN in reward');
    expect(evaluate('grpo', 2, [answer, answer], { beta: -0.1 })).to.throw(InputError, 'paid for leaving');
    expect(evaluate('nash_md', 1, [{ ...answer, reward: 2 }])).to.throw(InputError, 'between 0 and 1');
  });
});

function describeGroup(objective: GroupObjective): void {
  describeLoss(objective);

  it('has the gradient of its own loss', () => {
    const generator = random(7);
    for (const knobs of [null, generator]) {
      const request = drawRequest(objective, generator, 2, knobs);
      const { loss, gradients, valueGradients } = evaluateGroupF64(request);
      if (objective.id === 'nash_md') {
        // A stop-gradient stands inside: the loss is the product of coefficient and log-probability.
        const products = request.completions.flatMap(({ logps }, i) => logps.map((logp, t) => logp * gradients[i][t]));
        expectClose([loss], [products.reduce((sum, each) => sum + each, 0)], F64, 'surrogate');
        continue;
      }
      request.completions.forEach((completion, i) => {
        const at = (key: 'logps' | 'values', t: number) => (shift: number) => {
          const changed = completion[key]!.with(t, completion[key]![t] + shift);
          const completions = request.completions.with(i, { ...completion, [key]: changed });
          return evaluateGroupF64({ ...request, completions }).loss;
        };
        completion.logps.forEach((_, t) => {
          const tolerance = { atol: 1e-7, rtol: 1e-5 };
          expectClose([gradients[i][t]], [slope(at('logps', t))], tolerance, `${objective.id}: gradient`);
          if (valueGradients && objective.id === 'ppo_fact_rlhf') {
            expectClose([valueGradients[i][t]], [slope(at('values', t))], tolerance, 'value gradient');
          }
        });
      });
    }
  });

  it('agrees with float64 in WGSL on 513 random prompts and on extremes', async () => {
    const generator = random(11);
    await compare(drawRequest(objective, generator, 513, null));
    await compare(drawRequest(objective, generator, 65, generator));
    const groupSize = groupSizeOf(objective);
    for (const drift of [-200, -20, 0, 20, 200]) {
      const completions = Array.from({ length: groupSize }, (_, i): Completion => {
        const logp = Math.min(-1, -250 + drift);
        return {
          logps: [logp],
          oldLogps: [logp - drift],
          refLogps: [logp + drift],
          oldValues: [0.5],
          values: [0.25],
          reward: i % 2,
        };
      });
      await compare({ objective: objective.id, hyperparameters: {}, groupSize, completions });
    }
  });
}
