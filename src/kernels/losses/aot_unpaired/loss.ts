import { ascending, defineCoupled, ranks } from '../families/coupled.ts';
import { smoothedLogistic } from '../families/smoothed-logistic.ts';
import { beta, labelSmoothing } from '../knobs.ts';
import wgsl from './loss.wgsl';

/** Alignment via optimal transport, unpaired, Melnyk et al. 2024. TRL: `loss_type="aot_unpaired"` (0.24: `aot_pair`). */
export const aotUnpaired = defineCoupled({
  id: 'aot_unpaired',
  label: 'AOT, unpaired',
  paper: {
    title: 'Distributional Preference Alignment of LLMs via Optimal Transport',
    arxiv: '2406.05882',
    year: 2024,
  },
  summary: 'Wants good answers, as a distribution, above bad ones: who was paired with whom does not matter.',
  problems: ['average-only', 'unpaired-data'],
  formula: '\\mathcal{L} = -\\frac{1}{B}\\sum_k \\log\\sigma\\big(\\beta\\,(h^{w}_{(k)} - h^{l}_{(k)})\\big)',
  hyperparameters: [beta(0.1), labelSmoothing(0)],
  evaluate(pairs, { beta, label_smoothing }) {
    const chosen = pairs.map((pair) => pair.chosenLogRatio);
    const rejected = pairs.map((pair) => pair.rejectedLogRatio);
    const [chosenOrder, rejectedOrder] = [ascending(chosen), ascending(rejected)];
    const links = chosenOrder.map((index, rank) =>
      smoothedLogistic(chosen[index] - rejected[rejectedOrder[rank]], beta, label_smoothing),
    );
    const [chosenRanks, rejectedRanks] = [ranks(chosen), ranks(rejected)];
    // The loss of a rank is booked under the pair whose chosen answer holds it.
    return pairs.map((_, i) => ({
      loss: links[chosenRanks[i]].loss,
      gradients: {
        chosen: links[chosenRanks[i]].slope / pairs.length,
        rejected: -links[rejectedRanks[i]].slope / pairs.length,
      },
    }));
  },
  wgsl,
});
