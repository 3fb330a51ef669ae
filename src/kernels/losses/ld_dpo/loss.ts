import { logRatioCurve } from '../curves.ts';
import { beta, weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import wgsl from './loss.wgsl';

/** Length-desensitised DPO, Liu et al. 2024. TRL: `ld_alpha`. */
export const ldDpo = defineObjective({
  id: 'ld_dpo',
  label: 'LD-DPO',
  family: 'token-weighted',
  paper: { title: 'Length Desensitization in Direct Preference Optimization', arxiv: '2409.06411', year: 2024 },
  summary: 'DPO that discounts the tokens by which one answer is longer than the other.',
  problems: ['length-bias'],
  formula: "\\mathcal{L} = -\\log\\sigma\\big(\\beta\\,(h'_w - h'_l)\\big)",
  where: "h' = \\sum_{t \\le m} \\ell_t + \\alpha\\sum_{t > m} \\ell_t,\\ m = \\min(|y_w|, |y_l|)",
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected', 'chosenTailLogRatio', 'rejectedTailLogRatio'],
  extras: [
    { input: 'chosenTailLogRatio', gradient: 'chosenTailLogRatio' },
    { input: 'rejectedTailLogRatio', gradient: 'rejectedTailLogRatio' },
  ],
  hyperparameters: [
    beta(0.1),
    weight('ld_alpha', 'α', 'alpha', 0.5, 'Weight of the tokens beyond the shorter answer’s length; 1 is DPO.', {
      max: 1,
    }),
  ],
  evaluate(pair, { beta, ld_alpha }) {
    // h' = h + (alpha - 1) * tail: every token, less what the excess ones lose.
    const rest = ld_alpha - 1;
    const rewards = {
      chosen: beta * (pair.chosenLogRatio + rest * pair.chosenTailLogRatio),
      rejected: beta * (pair.rejectedLogRatio + rest * pair.rejectedTailLogRatio),
    };
    const z = rewards.chosen - rewards.rejected;
    const slope = -beta * sigmoid(-z);
    return pairValue(softplus(-z), rewards, {
      chosen: slope,
      rejected: -slope,
      chosenTailLogRatio: rest * slope,
      rejectedTailLogRatio: -rest * slope,
    });
  },
  curve: logRatioCurve(false),
  wgsl,
});
