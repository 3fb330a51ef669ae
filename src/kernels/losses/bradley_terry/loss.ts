import { defineRewardModel } from '../families/reward-model.ts';
import { sigmoid, softplus } from '../math.ts';
import wgsl from './loss.wgsl';

/** The Bradley-Terry likelihood of a choice, as every RLHF reward model is fitted. TRL: `RewardTrainer`. */
export const bradleyTerry = defineRewardModel({
  id: 'bradley_terry',
  label: 'Bradley–Terry',
  paper: {
    title: 'Training language models to follow instructions with human feedback',
    arxiv: '2203.02155',
    year: 2022,
  },
  summary: 'Fits scores so that their difference is the log-odds with which the chosen answer wins.',
  problems: ['reward-model'],
  formula: '\\mathcal{L} = -\\log\\sigma(r_w - r_l)',
  hyperparameters: [],
  evaluate({ scoreChosen, scoreRejected }) {
    const z = scoreChosen - scoreRejected;
    return { loss: softplus(-z), gradients: { chosen: -sigmoid(-z), rejected: sigmoid(-z) } };
  },
  wgsl,
});
