import { logRatioCurve } from '../curves.ts';
import { beta } from '../knobs.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** Self-play preference optimisation, Wu et al. 2024, with estimated win probabilities. */
export const sppoSoft = defineObjective({
  id: 'sppo_soft',
  label: 'SPPO, soft labels',
  family: 'with scores',
  paper: { title: 'Self-Play Preference Optimization for Language Model Alignment', arxiv: '2405.00675', year: 2024 },
  summary: 'Regresses each answer’s log-ratio to how far its win rate lies above one half.',
  problems: ['intransitive-preferences', 'likelihood-displacement', 'preference-strength'],
  formula:
    '\\mathcal{L} = \\tfrac12\\Big(h_w - \\frac{P_w - \\frac12}{\\beta}\\Big)^2 + \\tfrac12\\Big(h_l - \\frac{P_l - \\frac12}{\\beta}\\Big)^2',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected', 'winProbChosen', 'winProbRejected'],
  extras: [{ input: 'winProbChosen' }, { input: 'winProbRejected' }],
  hyperparameters: [
    beta(0.001, { min: 0.001, step: 0.001, doc: 'Inverse step size: the targets are (P - 1/2) / β, in nats.' }),
  ],
  evaluate(pair, { beta }) {
    const chosen = pair.chosenLogRatio - (pair.winProbChosen - 0.5) / beta;
    const rejected = pair.rejectedLogRatio - (pair.winProbRejected - 0.5) / beta;
    return pairValue((chosen ** 2 + rejected ** 2) / 2, implicitRewards(pair, beta), { chosen, rejected });
  },
  curve: logRatioCurve(false),
  wgsl,
});
