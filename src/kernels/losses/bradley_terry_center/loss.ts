import { defineRewardModel } from '../families/reward-model.ts';
import { weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import wgsl from './loss.wgsl';

/** Bradley-Terry with centred scores, Eisenstein et al. 2023. TRL: `center_rewards_coefficient`. */
export const bradleyTerryCenter = defineRewardModel({
  id: 'bradley_terry_center',
  label: 'Bradley–Terry, centred',
  paper: {
    title: 'Helping or Herding? Reward Model Ensembles Mitigate but do not Eliminate Reward Hacking',
    arxiv: '2312.09244',
    year: 2023,
  },
  summary: 'Holds the scores around zero, which differences alone leave free.',
  problems: ['reward-model', 'reward-drift'],
  formula: '\\mathcal{L} = -\\log\\sigma(r_w - r_l) + c\\,(r_w + r_l)^2',
  hyperparameters: [
    weight('center_rewards_coefficient', 'c', 'c', 0.01, 'How firmly the scores of a pair are held around zero.', {
      max: 0.2,
      step: 0.005,
    }),
  ],
  evaluate({ scoreChosen, scoreRejected }, { center_rewards_coefficient: c }) {
    const z = scoreChosen - scoreRejected;
    const sum = scoreChosen + scoreRejected;
    const pull = 2 * c * sum;
    return {
      loss: softplus(-z) + c * sum ** 2,
      gradients: { chosen: pull - sigmoid(-z), rejected: pull + sigmoid(-z) },
    };
  },
  wgsl,
});
