import { expect } from '@esm-bundle/chai';
import { InputError } from '../../src/errors.ts';
import {
  evaluateRewardModelF64,
  prepareScores,
  type RewardModelRequest,
} from '../../src/kernels/losses/families/evaluate-reward-model.ts';
import { rewardModelObjectives } from '../../src/kernels/losses/families/index.ts';
import type { RewardModelObjective, ScoreRow } from '../../src/kernels/losses/families/reward-model.ts';
import { evaluateRewardModelOnGpu } from '../../src/kernels/reward-model-loss/index.ts';
import { random } from '../support/random.ts';
import { sharedGpu } from '../support/shared-gpu.ts';
import { expectClose } from '../support/tolerance.ts';
import { F64, WGSL } from './checks.ts';
import { describeLoss, drawFor, familyReference, slope } from './family-checks.ts';

async function compare(request: RewardModelRequest): Promise<void> {
  const what = `${request.objective} ${JSON.stringify(request.hyperparameters)}`;
  const [actual, expected] = [
    await evaluateRewardModelOnGpu(await sharedGpu(), request),
    evaluateRewardModelF64(request),
  ];
  const flat = ({ pairs }: typeof expected) => [
    ...pairs.map((pair) => pair.loss),
    ...pairs.map((pair) => pair.gradients.chosen),
    ...pairs.map((pair) => pair.gradients.rejected),
  ];
  expectClose(flat(actual), flat(expected), WGSL, `${what}: losses and gradients`);
  for (const key of ['loss', 'accuracy', 'margin'] as const) {
    expectClose([actual.batch[key]], [expected.batch[key]], WGSL, `${what}: ${key}`);
  }
}

describe('reward-model losses', () => {
  it('covers every reward-model loss of the reference', async () => {
    const { reward_model } = await familyReference();
    expect(rewardModelObjectives.map((each) => each.id)).to.have.members(Object.keys(reward_model));
  });

  for (const objective of rewardModelObjectives) describe(objective.id, () => describeRewardModel(objective));

  it('counts a tie as not accurate, and a mean of zero as no pull', () => {
    const rows = [{ scoreChosen: 1, scoreRejected: 1 }];
    expect(evaluateRewardModelF64({ objective: 'tie_mse', hyperparameters: {}, rows }).batch).to.deep.equal({
      loss: 0,
      accuracy: 0,
      margin: 0,
    });
    const balanced = [{ scoreChosen: 1, scoreRejected: -1 }];
    const { values } = prepareScores({ objective: 'llava_rlhf_rm', hyperparameters: {}, rows: balanced });
    expect(values.mean_sign).to.equal(0);
  });

  it('says what is missing or cannot be used', () => {
    const evaluate = (objective: string, rows: ScoreRow[]) => () =>
      evaluateRewardModelF64({ objective, hyperparameters: {}, rows });
    expect(evaluate('bradley_terry_margin', [{ scoreChosen: 1, scoreRejected: 0 }])).to.throw(InputError, '(margin)');
    expect(evaluate('bradley_terry', [{ scoreChosen: Number.NaN, scoreRejected: 0 }])).to.throw(InputError, 'NaN');
    expect(evaluate('bradley_terry', [])).to.throw(InputError, 'no pair of scores');
    expect(evaluate('elo', [])).to.throw(InputError, 'There is no loss "elo" here');
  });
});

function describeRewardModel(objective: RewardModelObjective): void {
  const { id } = objective;
  describeLoss(objective);

  it('agrees with the reference on 12 pairs', async () => {
    const { inputs, reward_model } = await familyReference();
    const { score_chosen, score_rejected } = inputs.pairs;
    const rows: ScoreRow[] = score_chosen.map((scoreChosen: number, i: number) => ({
      scoreChosen,
      scoreRejected: score_rejected[i],
      margin: Math.abs(inputs.pairs.extra_reward_chosen[i][0]),
    }));
    const { pairs, batch } = evaluateRewardModelF64({ objective: id, hyperparameters: {}, rows });
    const expected = reward_model[id];
    expectClose([batch.loss], [expected.loss], F64, 'batch loss');
    for (const side of ['chosen', 'rejected'] as const) {
      const gradients = pairs.map((pair) => pair.gradients[side] / pairs.length);
      expectClose(gradients, expected.grad[`score_${side}`], F64, `batch gradient ${side}`);
    }
    await compare({ objective: id, hyperparameters: {}, rows });
  });

  it('agrees with the worked example of its page', async () => {
    const { loss, grad } = (await familyReference()).worked_example.group_results[`rm_${id}`];
    const rows = [{ scoreChosen: 3, scoreRejected: 1, margin: 0.5 }];
    const { pairs } = evaluateRewardModelF64({ objective: id, hyperparameters: {}, rows });
    const { chosen, rejected } = pairs[0].gradients;
    expectClose([pairs[0].loss, chosen, rejected], [loss, grad.score_chosen, grad.score_rejected], F64, 'values');
  });

  it('has the gradient of its own batch loss', () => {
    const generator = random(3);
    const rows = Array.from({ length: 9 }, () => ({
      scoreChosen: generator.normal() * 2 + 1,
      scoreRejected: generator.normal() * 2,
      margin: generator.next(),
    }));
    for (const hyperparameters of [drawFor(objective, null), drawFor(objective, generator)]) {
      const loss = (changed: ScoreRow[]) =>
        evaluateRewardModelF64({ objective: id, hyperparameters, rows: changed }).batch.loss;
      const { pairs } = evaluateRewardModelF64({ objective: id, hyperparameters, rows });
      rows.forEach((row, i) => {
        for (const side of ['chosen', 'rejected'] as const) {
          const key = side === 'chosen' ? 'scoreChosen' : 'scoreRejected';
          const at = (shift: number) => loss(rows.with(i, { ...row, [key]: row[key] + shift }));
          const gradient = pairs[i].gradients[side] / rows.length;
          expectClose([gradient], [slope(at)], { atol: 1e-8, rtol: 1e-6 }, `${id}: ${key}`);
        }
      });
    }
  });

  it('agrees with float64 in WGSL on 513 random pairs and on extremes', async () => {
    const generator = random(11);
    const rows = Array.from({ length: 513 }, () => ({
      scoreChosen: Math.fround(generator.normal() * 3 + 1),
      scoreRejected: Math.fround(generator.normal() * 3),
      margin: Math.fround(generator.next()),
    }));
    await compare({ objective: id, hyperparameters: drawFor(objective, null), rows });
    await compare({ objective: id, hyperparameters: drawFor(objective, generator), rows });
    const extremes = [-200, -20, 0, 20, 200].map((scoreChosen) => ({ scoreChosen, scoreRejected: 0, margin: 1 }));
    await compare({ objective: id, hyperparameters: {}, rows: extremes });
  });
}
