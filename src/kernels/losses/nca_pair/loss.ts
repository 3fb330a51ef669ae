import { logRatioCurve } from '../curves.ts';
import { beta } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** Noise-contrastive alignment for two answers, Chen et al. 2024. TRL: `loss_type="nca_pair"`. */
export const ncaPair = defineObjective({
  id: 'nca_pair',
  label: 'NCA',
  family: 'absolute likelihood',
  paper: {
    title: 'Noise Contrastive Alignment of Language Models with Explicit Rewards',
    arxiv: '2402.05369',
    year: 2024,
  },
  summary: 'Holds each answer’s own likelihood and not only the difference, so that the chosen one cannot sink.',
  problems: ['likelihood-displacement'],
  formula: '\\mathcal{L} = -\\log\\sigma(r_w) - \\tfrac12\\log\\sigma(-r_w) - \\tfrac12\\log\\sigma(-r_l)',
  where: 'r = \\beta h',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected'],
  hyperparameters: [beta(0.1)],
  evaluate(pair, { beta }) {
    const rewards = implicitRewards(pair, beta);
    const { chosen, rejected } = rewards;
    return pairValue(softplus(-chosen) + softplus(chosen) / 2 + softplus(rejected) / 2, rewards, {
      chosen: beta * (sigmoid(chosen) / 2 - sigmoid(-chosen)),
      rejected: (beta * sigmoid(rejected)) / 2,
    });
  },
  curve: logRatioCurve(false),
  wgsl,
});
