import { logRatioCurve } from '../curves.ts';
import { beta } from '../knobs.ts';
import { sigmoid } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** Anchored preference optimisation, APO-zero, D'Oosterlinck et al. 2024. TRL: `loss_type="apo_zero"`. */
export const apoZero = defineObjective({
  id: 'apo_zero',
  label: 'APO-zero',
  family: 'absolute likelihood',
  paper: {
    title: 'Anchored Preference Optimization and Contrastive Revisions: Addressing Underspecification in Alignment',
    arxiv: '2408.06266',
    year: 2024,
  },
  summary:
    'Raises the chosen answer and lowers the rejected one, each against the reference: for answers better than the model’s own.',
  problems: ['likelihood-displacement'],
  formula: '\\mathcal{L} = \\sigma(-\\beta h_w) + \\sigma(\\beta h_l)',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected'],
  hyperparameters: [beta(0.1)],
  evaluate(pair, { beta }) {
    const rewards = implicitRewards(pair, beta);
    const { chosen, rejected } = rewards;
    return pairValue(sigmoid(-chosen) + sigmoid(rejected), rewards, {
      chosen: -beta * sigmoid(chosen) * sigmoid(-chosen),
      rejected: beta * sigmoid(rejected) * sigmoid(-rejected),
    });
  },
  curve: logRatioCurve(false),
  wgsl,
});
