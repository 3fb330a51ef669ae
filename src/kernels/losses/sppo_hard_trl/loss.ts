import { logRatioCurve } from '../curves.ts';
import { beta } from '../knobs.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** Self-play preference optimisation with hard labels, as TRL codes it: `loss_type="sppo_hard"` (Wu et al. 2024). */
export const sppoHardTrl = defineObjective({
  id: 'sppo_hard_trl',
  label: 'SPPO, hard labels',
  family: 'absolute likelihood',
  paper: { title: 'Self-Play Preference Optimization for Language Model Alignment', arxiv: '2405.00675', year: 2024 },
  summary: 'Regresses each answer’s log-ratio to its own target: up for the chosen one, down for the rejected one.',
  problems: ['intransitive-preferences', 'likelihood-displacement'],
  formula: '\\mathcal{L} = \\Big(h_w - \\frac{1}{2\\beta}\\Big)^2 + \\Big(h_l + \\frac{1}{2\\beta}\\Big)^2',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected'],
  hyperparameters: [
    beta(0.1, { min: 0.001, step: 0.001, doc: 'Sets the targets ±1/(2β), in nats; the paper trains with 0.001.' }),
  ],
  evaluate(pair, { beta }) {
    const target = 1 / (2 * beta);
    const [chosen, rejected] = [pair.chosenLogRatio - target, pair.rejectedLogRatio + target];
    return pairValue(chosen ** 2 + rejected ** 2, implicitRewards(pair, beta), {
      chosen: 2 * chosen,
      rejected: 2 * rejected,
    });
  },
  curve: logRatioCurve(false),
  wgsl,
});
