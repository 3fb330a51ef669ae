import { defineSequenceLoss } from '../families/group.ts';
import { judgedDpo, judgedScores, missingEosPenalty } from '../families/judged-pair.ts';
import { beta } from '../knobs.ts';
import wgsl from './loss.wgsl';

/** Online DPO, Guo et al. 2024 (OAIF): DPO on two fresh samples and a judge. TRL: `trl.experimental.online_dpo`. */
export const onlineDpo = defineSequenceLoss({
  id: 'online_dpo',
  label: 'Online DPO',
  level: 'sequence',
  paper: { title: 'Direct Language Model Alignment from Online AI Feedback', arxiv: '2402.04792', year: 2024 },
  summary: 'DPO on pairs that the policy has just sampled itself and a judge has ordered.',
  problems: ['off-policy-data'],
  formula: '\\mathcal{L} = -\\log\\sigma\\big(\\beta\\,(h_w - h_l)\\big)',
  where: '(w, l) = \\begin{cases} (1, 2) & R_1 \\ge R_2 \\\\ (2, 1) & R_1 < R_2 \\end{cases}',
  needs: ['refLogps'],
  group: { size: 2, exact: true, reason: 'a judge compares two answers' },
  hyperparameters: [beta(0.1), missingEosPenalty()],
  ratioTo: 'reference',
  scale: ({ completions }) => 2 / completions.length,
  signals: (batch, { missing_eos_penalty }) => judgedScores(batch, missing_eos_penalty),
  // The pair's loss is booked under its first answer.
  evaluate(group, index, { beta }) {
    const { loss, slope } = judgedDpo(group, beta);
    return index === 0 ? { loss, gradient: slope } : { loss: 0, gradient: -slope };
  },
  wgsl,
});
