import { logRatioCurve } from '../curves.ts';
import { beta, weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import wgsl from './loss.wgsl';

/** Dense DPO of RLHF-V, Yu et al. 2023, in the normalised form of the paper. */
export const ddpoPaper = defineObjective({
  id: 'ddpo_paper',
  label: 'DDPO (paper)',
  family: 'token-weighted',
  paper: {
    title: 'RLHF-V: Towards Trustworthy MLLMs via Behavior Alignment from Fine-grained Correctional Human Feedback',
    arxiv: '2312.00849',
    year: 2023,
  },
  summary: 'DPO on hand-corrected answers: corrected tokens weigh γ times as much, and the length is divided out.',
  problems: ['hallucination', 'token-credit', 'length-bias'],
  formula: '\\mathcal{L} = -\\log\\sigma(s_w - s_l)',
  where: 's = \\beta\\,\\frac{\\sum_t w_t\\,\\ell_t}{\\sum_t w_t}',
  needs: [
    'chosen',
    'rejected',
    'refChosen',
    'refRejected',
    'chosenLength',
    'rejectedLength',
    'chosenChangedLogRatio',
    'rejectedChangedLogRatio',
    'chosenChangedLength',
    'rejectedChangedLength',
  ],
  extras: [
    { input: 'chosenChangedLogRatio', gradient: 'chosenChangedLogRatio' },
    { input: 'rejectedChangedLogRatio', gradient: 'rejectedChangedLogRatio' },
    { input: 'chosenChangedLength' },
    { input: 'rejectedChangedLength' },
  ],
  hyperparameters: [
    beta(0.5),
    weight('gamma', 'γ', 'gamma', 5, 'Weight of a corrected token against an unchanged one.', {
      min: 1,
      max: 10,
      step: 0.1,
    }),
  ],
  evaluate(pair, { beta, gamma }) {
    // sum w_t l_t = sum over all tokens + (gamma - 1) * sum over the corrected ones; the weights sum up alike.
    const extra = gamma - 1;
    const chosenWeight = pair.chosenLength + extra * pair.chosenChangedLength;
    const rejectedWeight = pair.rejectedLength + extra * pair.rejectedChangedLength;
    const rewards = {
      chosen: (beta * (pair.chosenLogRatio + extra * pair.chosenChangedLogRatio)) / chosenWeight,
      rejected: (beta * (pair.rejectedLogRatio + extra * pair.rejectedChangedLogRatio)) / rejectedWeight,
    };
    const z = rewards.chosen - rewards.rejected;
    const slope = -beta * sigmoid(-z);
    return pairValue(softplus(-z), rewards, {
      chosen: slope / chosenWeight,
      rejected: -slope / rejectedWeight,
      chosenChangedLogRatio: (extra * slope) / chosenWeight,
      rejectedChangedLogRatio: (-extra * slope) / rejectedWeight,
    });
  },
  curve: logRatioCurve(false),
  wgsl,
});
