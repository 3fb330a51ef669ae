import { best, groupsOf } from '../families/advantages.ts';
import { defineSequenceLoss } from '../families/group.ts';
import wgsl from './loss.wgsl';

/** Reward ranked finetuning, Dong et al. 2023: supervised training on the best of each group. */
export const raft = defineSequenceLoss({
  id: 'raft',
  label: 'RAFT',
  level: 'sequence',
  paper: {
    title: 'RAFT: Reward rAnked FineTuning for Generative Foundation Model Alignment',
    arxiv: '2304.06767',
    year: 2023,
  },
  summary: 'Samples several answers, keeps the best, and trains on it as if a person had written it.',
  problems: ['no-critic'],
  formula: '\\mathcal{L} = -\\frac{1}{N}\\sum_{g} \\log\\pi_\\theta(y_{b(g)}),\\quad b(g) = \\arg\\max_{i \\in g} R_i',
  where: 'N = \\sum_g |y_{b(g)}|',
  needs: [],
  group: { size: 2, reason: 'the best of one is no choice' },
  hyperparameters: [],
  scale: () => 1,
  signals({ completions, groupSize }) {
    const kept = groupsOf(completions, groupSize).flatMap((group) => {
      const winner = best(group.map((each) => each.reward));
      return group.map((_, index) => index === winner);
    });
    const tokens = completions.reduce((sum, { logps }, i) => sum + (kept[i] ? logps.length : 0), 0);
    return kept.map((each) => (each ? 1 / tokens : 0));
  },
  evaluate(group, index) {
    const { logp, signal } = group[index];
    return { loss: -signal * logp, gradient: -signal };
  },
  wgsl,
});
