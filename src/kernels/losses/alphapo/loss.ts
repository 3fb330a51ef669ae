import { meanLogpCurve } from '../curves.ts';
import { beta, gamma, weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import wgsl from './loss.wgsl';

/** -alpha a, kept below 20: a very improbable answer must not overflow. */
const exponent = (a: number, alpha: number): number => Math.min(-alpha * a, 20);

/** (1 - e^(-alpha a)) / alpha, and its limit `a` at alpha = 0. */
const shaped = (a: number, alpha: number): number => (alpha === 0 ? a : -Math.expm1(exponent(a, alpha)) / alpha);

/** AlphaPO, Gupta et al. 2025: SimPO with a reward whose shape is a parameter. TRL: `CPOConfig(loss_type="alphapo")`. */
export const alphapo = defineObjective({
  id: 'alphapo',
  label: 'AlphaPO',
  family: 'reference-free',
  paper: { title: 'AlphaPO: Reward Shape Matters for LLM Alignment', arxiv: '2501.03884', year: 2025 },
  summary: 'SimPO whose reward bends: α decides whether unlikely or likely answers feel the stronger pull.',
  problems: ['no-reference-memory', 'length-bias', 'likelihood-displacement', 'over-optimisation'],
  formula: '\\mathcal{L} = -\\log\\sigma\\big(\\beta\\,(r_w - r_l) - \\gamma\\big)',
  where: 'r = \\frac{1 - e^{-\\alpha a}}{\\alpha},\\ a = \\tfrac{1}{|y|}\\log\\pi_\\theta(y)',
  needs: ['chosen', 'rejected', 'chosenLength', 'rejectedLength'],
  hyperparameters: [
    beta(2, { min: 0.1, max: 10, step: 0.1, doc: 'Scales the shaped rewards.' }),
    gamma(0.5),
    weight('alpha', 'α', 'alpha', 0.25, 'Shape of the reward; 0 is SimPO.', {
      min: -1,
      max: 1,
      step: 0.05,
      refuse: undefined,
    }),
  ],
  evaluate(pair, { beta, gamma, alpha }) {
    const [chosen, rejected] = [pair.chosen / pair.chosenLength, pair.rejected / pair.rejectedLength];
    const rewards = { chosen: beta * shaped(chosen, alpha), rejected: beta * shaped(rejected, alpha) };
    const z = rewards.chosen - rewards.rejected - gamma;
    const slope = -beta * sigmoid(-z);
    return pairValue(softplus(-z), rewards, {
      chosen: (slope * Math.exp(exponent(chosen, alpha))) / pair.chosenLength,
      rejected: (-slope * Math.exp(exponent(rejected, alpha))) / pair.rejectedLength,
    });
  },
  curve: meanLogpCurve(false),
  wgsl,
});
