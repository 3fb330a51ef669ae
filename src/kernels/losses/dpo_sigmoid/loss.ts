import { logRatioCurve } from '../curves.ts';
import { beta } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** Direct Preference Optimization, Rafailov et al. 2023, equation 7. TRL: `loss_type="sigmoid"`. */
export const dpoSigmoid = defineObjective({
  id: 'dpo_sigmoid',
  label: 'DPO',
  family: 'with a reference',
  paper: {
    title: 'Direct Preference Optimization: Your Language Model is Secretly a Reward Model',
    arxiv: '2305.18290',
    year: 2023,
  },
  summary: 'Raises the chosen answer over the rejected one, measured against a frozen reference model.',
  problems: ['learning-from-pairs'],
  formula: '\\mathcal{L} = -\\log\\sigma\\big(\\beta\\,(h_w - h_l)\\big)',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected'],
  // The paper and TRL take 0.1, for models of billions of parameters and rates of 1e-6. On the bundled model pairs then
  // push on long after they are told apart, and true things fall with the invented ones: docs/training.md.
  hyperparameters: [beta(0.5, { max: 10 })],
  training: { learning_rate: 1.5e-3, per_device_train_batch_size: 8, num_train_epochs: 8 },
  evaluate(pair, { beta }) {
    const z = beta * (pair.chosenLogRatio - pair.rejectedLogRatio);
    const slope = -beta * sigmoid(-z);
    return pairValue(softplus(-z), implicitRewards(pair, beta), { chosen: slope, rejected: -slope });
  },
  curve: logRatioCurve(),
  wgsl,
});
