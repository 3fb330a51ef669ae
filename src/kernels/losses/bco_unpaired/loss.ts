import { defineUnpaired } from '../families/unpaired.ts';
import { beta, refuseNegative, weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import type { HyperparameterValues } from '../objective.ts';
import wgsl from './loss.wgsl';

/** Binary classifier optimization on single answers, Jung et al. 2024. TRL: `trl.experimental.bco`. */
export const bcoUnpaired = defineUnpaired({
  id: 'bco_unpaired',
  label: 'BCO',
  paper: {
    title: 'Binary Classifier Optimization for Large Language Model Alignment',
    arxiv: '2404.04656',
    year: 2024,
  },
  summary: 'Trains a classifier of good and bad answers whose logit is the reward, shifted by the mean reward so far.',
  problems: ['unpaired-data'],
  formula:
    '\\mathcal{L} = \\begin{cases} -\\log\\sigma(\\beta h - \\delta) & \\text{wanted} \\\\ -\\log\\sigma(\\delta - \\beta h) & \\text{unwanted} \\end{cases}',
  where: '\\delta = \\frac{n_0 \\delta_0 + \\sum_i \\beta h_i}{n_0 + B}',
  hyperparameters: [
    beta(0.1),
    weight('seen_mean', 'δ₀', 'delta 0', 0, 'Mean reward of the examples before this batch.', {
      min: -2,
      max: 2,
      refuse: undefined,
    }),
    weight('seen_count', 'n₀', 'n 0', 0, 'How many examples came before this batch; 0 for the first one.', {
      max: 1000,
      step: 1,
      refuse: refuseNegative,
    }),
  ],
  prepared: ['delta'],
  prepare(examples, values) {
    const { beta, seen_mean, seen_count } = values;
    const rewards = examples.reduce((sum, { logRatio }) => sum + beta * logRatio, 0);
    return { ...values, delta: (seen_count * seen_mean + rewards) / (seen_count + examples.length) };
  },
  // The mean of everything seen so far goes on as the mean before the next batch.
  carry: (values, examples) => ({
    seen_mean: (values as HyperparameterValues).delta ?? values.seen_mean,
    seen_count: values.seen_count + examples.length,
  }),
  evaluate({ label, logRatio }, values) {
    const { delta = values.seen_mean } = values as HyperparameterValues;
    const reward = values.beta * logRatio;
    const sign = label === 1 ? 1 : -1;
    const logit = sign * (reward - delta);
    return { loss: softplus(-logit), reward, gradient: -sign * values.beta * sigmoid(-logit) };
  },
  wgsl,
});
