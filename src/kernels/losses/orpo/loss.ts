import { meanLogpCurve } from '../curves.ts';
import { refuseNegative } from '../knobs.ts';
import { log1mexp, sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { meanLogpRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** At a mean log-probability of 0 the odds are infinite: it is kept this far below. */
const CERTAIN = -1e-6;

/** Odds-ratio preference optimisation, Hong et al. 2024, equations 6 and 7. TRL calls λ `beta`. */
export const orpo = defineObjective({
  id: 'orpo',
  label: 'ORPO',
  family: 'mixed with SFT',
  paper: { title: 'ORPO: Monolithic Preference Optimization without Reference Model', arxiv: '2403.07691', year: 2024 },
  summary: 'Fine-tunes on the chosen answers and, in the same loss, penalises the odds of the rejected ones.',
  problems: ['no-reference-memory', 'single-stage'],
  formula: '\\mathcal{L} = -\\lambda\\log\\sigma\\Big(\\log\\frac{\\mathrm{odds}(y_w)}{\\mathrm{odds}(y_l)}\\Big)',
  where: '\\mathrm{odds}(y) = \\frac{e^{a}}{1 - e^{a}},\\ a = \\tfrac{1}{|y|}\\log\\pi_\\theta(y)',
  needs: ['chosen', 'rejected', 'chosenLength', 'rejectedLength'],
  hyperparameters: [
    {
      key: 'lam',
      symbol: 'λ',
      word: 'lambda',
      default: 0.1,
      min: 0.01,
      max: 1,
      step: 0.01,
      scale: 'log',
      doc: 'Weight of the odds-ratio term against plain fine-tuning. TRL calls it beta.',
      refuse: refuseNegative,
      aliases: { beta: (value) => value },
    },
  ],
  evaluate(pair, { lam }) {
    const chosen = Math.min(pair.chosen / pair.chosenLength, CERTAIN);
    const rejected = Math.min(pair.rejected / pair.rejectedLength, CERTAIN);
    const logOdds = chosen - rejected - (log1mexp(chosen) - log1mexp(rejected));
    const slope = -lam * sigmoid(-logOdds);
    return pairValue(lam * softplus(-logOdds), meanLogpRewards(pair, lam), {
      chosen: slope / -Math.expm1(chosen) / pair.chosenLength,
      rejected: -slope / -Math.expm1(rejected) / pair.rejectedLength,
    });
  },
  batchTerm: { formula: '\\mathrm{NLL}(y_w)', nllWeight: () => 1 },
  curve: meanLogpCurve(false),
  wgsl,
});
