import { logRatioCurve } from '../curves.ts';
import { beta } from '../knobs.ts';
import { sigmoid } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** Anchored preference optimisation, APO-down. TRL: `loss_type="apo_down"`. */
export const apoDown = defineObjective({
  id: 'apo_down',
  label: 'APO-down',
  family: 'absolute likelihood',
  paper: {
    title: 'Anchored Preference Optimization and Contrastive Revisions: Addressing Underspecification in Alignment',
    arxiv: '2408.06266',
    year: 2024,
  },
  summary: 'Lowers the chosen answer and the rejected one further: for models that already write better than both.',
  problems: ['off-policy-data'],
  formula: '\\mathcal{L} = \\sigma(\\beta h_w) + \\sigma\\big(-\\beta\\,(h_w - h_l)\\big)',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected'],
  hyperparameters: [beta(0.1)],
  evaluate(pair, { beta }) {
    const rewards = implicitRewards(pair, beta);
    const margin = rewards.chosen - rewards.rejected;
    const ofChosen = sigmoid(rewards.chosen) * sigmoid(-rewards.chosen);
    const ofMargin = sigmoid(margin) * sigmoid(-margin);
    return pairValue(sigmoid(rewards.chosen) + sigmoid(-margin), rewards, {
      chosen: beta * (ofChosen - ofMargin),
      rejected: beta * ofMargin,
    });
  },
  curve: logRatioCurve(false),
  wgsl,
});
