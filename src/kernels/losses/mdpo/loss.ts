import { logRatioCurve } from '../curves.ts';
import { beta, weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** mDPO: multimodal DPO, Wang et al. 2024: conditional preference and anchor. */
export const mdpo = defineObjective({
  id: 'mdpo',
  label: 'mDPO',
  family: 'images',
  paper: {
    title: 'mDPO: Conditional Preference Optimization for Multimodal Large Language Models',
    arxiv: '2406.11839',
    year: 2024,
  },
  summary:
    'DPO, plus a preference for the true image over a corrupted one, plus an anchor that keeps the chosen answer up.',
  problems: ['image-neglect', 'hallucination', 'likelihood-displacement'],
  formula:
    '\\mathcal{L} = -\\log\\sigma(\\beta\\,(h_w - h_l)) - \\log\\sigma(\\beta\\,(h_w - h_i)) - \\log\\sigma(\\beta h_w - \\delta)',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected', 'corruptedChosen', 'refCorruptedChosen'],
  extras: [{ input: 'corruptedLogRatio', gradient: 'corruptedChosen' }],
  hyperparameters: [
    beta(0.1),
    weight('anchor', 'δ', 'delta', 0, 'Reward the chosen answer should at least have.', {
      min: -1,
      max: 1,
      refuse: undefined,
    }),
  ],
  evaluate(pair, { beta, anchor }) {
    const rewards = implicitRewards(pair, beta);
    const text = rewards.chosen - rewards.rejected;
    const image = beta * (pair.chosenLogRatio - pair.corruptedLogRatio);
    const anchored = rewards.chosen - anchor;
    return pairValue(softplus(-text) + softplus(-image) + softplus(-anchored), rewards, {
      chosen: -beta * (sigmoid(-text) + sigmoid(-image) + sigmoid(-anchored)),
      rejected: beta * sigmoid(-text),
      corruptedChosen: beta * sigmoid(-image),
    });
  },
  curve: logRatioCurve(false),
  wgsl,
});
