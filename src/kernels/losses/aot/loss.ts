import { ascending, defineCoupled, ranks } from '../families/coupled.ts';
import { smoothedLogistic } from '../families/smoothed-logistic.ts';
import { beta, labelSmoothing } from '../knobs.ts';
import wgsl from './loss.wgsl';

/** Alignment via optimal transport, paired, Melnyk et al. 2024. TRL: `loss_type="aot"`. */
export const aot = defineCoupled({
  id: 'aot',
  label: 'AOT, paired',
  paper: {
    title: 'Distributional Preference Alignment of LLMs via Optimal Transport',
    arxiv: '2406.05882',
    year: 2024,
  },
  summary:
    'Wants the policy’s margins, as a distribution, to lie above the reference’s: sorted, then compared in order.',
  problems: ['average-only'],
  formula: '\\mathcal{L} = -\\frac{1}{B}\\sum_k \\log\\sigma\\big(\\beta\\,(m_{(k)} - m^{\\mathrm{ref}}_{(k)})\\big)',
  where: 'm = \\log\\pi_\\theta(y_w) - \\log\\pi_\\theta(y_l)',
  hyperparameters: [beta(0.1), labelSmoothing(0)],
  evaluate(pairs, { beta, label_smoothing }) {
    const policy = pairs.map((pair) => pair.policyMargin);
    const reference = pairs.map((pair) => pair.referenceMargin);
    const sorted = ascending(reference).map((index) => reference[index]);
    return ranks(policy).map((rank, i) => {
      const { loss, slope } = smoothedLogistic(policy[i] - sorted[rank], beta, label_smoothing);
      return { loss, gradients: { chosen: slope / pairs.length, rejected: -slope / pairs.length } };
    });
  },
  wgsl,
});
