import { logRatioCurve } from '../curves.ts';
import { beta, weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import wgsl from './loss.wgsl';

/** Dense DPO of RLHF-V as its released commands run it (no normaliser). */
export const ddpoCode = defineObjective({
  id: 'ddpo_code',
  label: 'DDPO (released code)',
  family: 'token-weighted',
  paper: {
    title: 'RLHF-V: Towards Trustworthy MLLMs via Behavior Alignment from Fine-grained Correctional Human Feedback',
    arxiv: '2312.00849',
    year: 2023,
  },
  summary: 'DPO whose corrected tokens weigh a little more: the form behind the published checkpoints’ commands.',
  problems: ['hallucination', 'token-credit'],
  formula: '\\mathcal{L} = -\\log\\sigma(s_w - s_l)',
  where: 's = \\beta\\sum_t w_t\\,\\ell_t',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected', 'chosenChangedLogRatio', 'rejectedChangedLogRatio'],
  extras: [
    { input: 'chosenChangedLogRatio', gradient: 'chosenChangedLogRatio' },
    { input: 'rejectedChangedLogRatio', gradient: 'rejectedChangedLogRatio' },
  ],
  hyperparameters: [
    beta(0.1),
    weight('gamma', 'γ', 'gamma', 1.1, 'Weight of a corrected token against an unchanged one.', {
      min: 1,
      max: 5,
      step: 0.1,
    }),
  ],
  evaluate(pair, { beta, gamma }) {
    const extra = gamma - 1;
    const rewards = {
      chosen: beta * (pair.chosenLogRatio + extra * pair.chosenChangedLogRatio),
      rejected: beta * (pair.rejectedLogRatio + extra * pair.rejectedChangedLogRatio),
    };
    const z = rewards.chosen - rewards.rejected;
    const slope = -beta * sigmoid(-z);
    return pairValue(softplus(-z), rewards, {
      chosen: slope,
      rejected: -slope,
      chosenChangedLogRatio: extra * slope,
      rejectedChangedLogRatio: -extra * slope,
    });
  },
  curve: logRatioCurve(false),
  wgsl,
});
