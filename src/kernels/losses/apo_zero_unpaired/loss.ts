import { defineUnpaired } from '../families/unpaired.ts';
import { beta } from '../knobs.ts';
import { sigmoid } from '../math.ts';
import wgsl from './loss.wgsl';

/** Anchored preference optimization on single answers, D'Oosterlinck et al. 2024. TRL: `apo_zero_unpaired`. */
export const apoZeroUnpaired = defineUnpaired({
  id: 'apo_zero_unpaired',
  label: 'APO-zero, unpaired',
  paper: {
    title: 'Anchored Preference Optimization and Contrastive Revisions: Addressing Underspecification in Alignment',
    arxiv: '2408.06266',
    year: 2024,
  },
  summary: 'Raises every wanted answer above the reference and lowers every unwanted one below it, each on its own.',
  problems: ['unpaired-data'],
  formula:
    '\\mathcal{L} = \\begin{cases} \\sigma(-\\beta h) & \\text{wanted} \\\\ \\sigma(\\beta h) & \\text{unwanted} \\end{cases}',
  hyperparameters: [beta(0.1)],
  evaluate({ label, logRatio }, { beta }) {
    const reward = beta * logRatio;
    const sign = label === 1 ? 1 : -1;
    return { loss: sigmoid(-sign * reward), reward, gradient: -sign * beta * sigmoid(reward) * sigmoid(-reward) };
  },
  wgsl,
});
