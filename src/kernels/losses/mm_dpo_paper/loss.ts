import { logRatioCurve } from '../curves.ts';
import { beta, weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** A rejected answer that scores far higher would turn the scale negative. */
const SMALLEST_BETA = 1e-3;

/** MM-DPO, Zhang et al. 2025: DPO whose β follows the reward margin of each pair (the form of the paper). */
export const mmDpoPaper = defineObjective({
  id: 'mm_dpo_paper',
  label: 'MM-DPO',
  family: 'with scores',
  paper: { title: 'MM-RLHF: The Next Step Forward in Multimodal LLM Alignment', arxiv: '2502.10391', year: 2025 },
  summary: 'DPO that trusts clear pairs more: β grows with the reward model’s margin.',
  problems: ['preference-strength'],
  formula: '\\mathcal{L} = -\\log\\sigma\\big(\\beta_i\\,(h_w - h_l)\\big)',
  where: '\\beta_i = \\beta\\,\\big(1 + w\\,(1 - e^{-k\\,(s_w - s_l)})\\big)',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected', 'scoreChosen', 'scoreRejected'],
  extras: [{ input: 'scoreMargin' }],
  hyperparameters: [
    beta(0.1),
    weight('w', 'w', 'weight', 0.5, 'How much a clear pair gains: β grows to at most β(1 + w).'),
    weight('k', 'k', 'sharpness', 0.5, 'How fast that is reached as the score margin grows.'),
  ],
  evaluate(pair, { beta, w, k }) {
    const scaled = Math.max(beta * (1 - w * Math.expm1(Math.min(-k * pair.scoreMargin, 80))), SMALLEST_BETA);
    const z = scaled * (pair.chosenLogRatio - pair.rejectedLogRatio);
    const slope = -scaled * sigmoid(-z);
    return pairValue(softplus(-z), implicitRewards(pair, scaled), { chosen: slope, rejected: -slope });
  },
  curve: logRatioCurve(false),
  wgsl,
});
