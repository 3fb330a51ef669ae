import { best } from '../families/advantages.ts';
import { defineSequenceLoss } from '../families/group.ts';
import { weight } from '../knobs.ts';
import wgsl from './loss.wgsl';

/** Rank responses to align, Yuan et al. 2023, equations 2 to 4; the paper's sum in the likelihood term. */
export const rrhf = defineSequenceLoss({
  id: 'rrhf',
  label: 'RRHF',
  level: 'sequence',
  paper: {
    title: 'RRHF: Rank Responses to Align Language Models with Human Feedback without tears',
    arxiv: '2304.05302',
    year: 2023,
  },
  summary: 'Wants mean log-probabilities in the order of the rewards, and trains on the best answer besides.',
  problems: ['no-critic', 'no-reference-memory'],
  formula:
    '\\mathcal{L} = \\frac{1}{G}\\sum_g\\Big[w\\sum_{R_i < R_j} \\max(0, s_i - s_j) - \\log\\pi_\\theta(y_b)\\Big]',
  where: 's_i = \\log\\pi_\\theta(y_i)\\,/\\,|y_i|^{\\lambda}',
  needs: [],
  group: { size: 2, reason: 'a ranking needs two answers' },
  hyperparameters: [
    weight('rank_weight', 'w', 'w', 1, 'Weight of the ranking; the released script takes 1, its code 100.', {
      max: 10,
    }),
    weight('length_penalty', 'λ', 'lambda', 1, 'Power of the length that sums are divided by: 1 means, 0 sums.', {
      max: 2,
    }),
  ],
  scale: ({ completions, groupSize }) => groupSize / completions.length,
  signals: ({ completions }) => completions.map((each) => each.reward),
  evaluate(group, index, { rank_weight, length_penalty }) {
    const mine = group[index];
    const share = 1 / mine.length ** length_penalty;
    const score = mine.logp * share;
    let loss = 0;
    let violations = 0;
    for (const other of group) {
      const excess = score - other.logp / other.length ** length_penalty;
      if (mine.signal < other.signal && excess > 0) {
        loss += rank_weight * excess;
        violations++;
      }
      if (other.signal < mine.signal && excess < 0) violations--;
    }
    const isBest = index === best(group.map((each) => each.signal));
    return {
      loss: loss - (isBest ? mine.logp : 0),
      gradient: rank_weight * violations * share - (isBest ? 1 : 0),
    };
  },
  wgsl,
});
