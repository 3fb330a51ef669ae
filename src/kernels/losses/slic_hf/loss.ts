import { logpCurve } from '../curves.ts';
import { weight } from '../knobs.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { logpRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** SLiC-HF, Zhao et al. 2023: rank calibration and a regulariser. */
export const slicHf = defineObjective({
  id: 'slic_hf',
  label: 'SLiC-HF',
  family: 'reference-free',
  paper: { title: 'SLiC-HF: Sequence Likelihood Calibration with Human Feedback', arxiv: '2305.10425', year: 2023 },
  summary: 'Asks the chosen answer to be more likely by δ nats, without a reference, and keeps fine-tuning on it.',
  problems: ['learning-from-pairs', 'no-reference-memory', 'forgetting'],
  formula:
    '\\mathcal{L} = \\max\\big(0,\\ \\delta - \\log\\pi_\\theta(y_w) + \\log\\pi_\\theta(y_l)\\big) - \\lambda\\log\\pi_\\theta(y_w)',
  needs: ['chosen', 'rejected'],
  hyperparameters: [
    weight('delta', 'δ', 'delta', 1, 'Margin asked for between the two log-probabilities, in nats.', {
      max: 10,
      step: 0.1,
    }),
    weight('lam', 'λ', 'lambda', 0.1, 'Weight of the likelihood of the chosen answer.', { max: 1, step: 0.01 }),
  ],
  evaluate(pair, { delta, lam }) {
    const slack = delta - pair.chosen + pair.rejected;
    const open = slack > 0 ? 1 : 0;
    return pairValue(Math.max(0, slack) - lam * pair.chosen, logpRewards(pair, 1), {
      chosen: -open - lam,
      rejected: open,
    });
  },
  curve: logpCurve(false),
  wgsl,
});
