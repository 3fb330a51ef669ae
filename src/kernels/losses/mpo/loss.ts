import { logRatioCurve } from '../curves.ts';
import { beta, weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** Mixed preference optimisation, Wang et al. 2024: DPO, BCO and SFT. TRL: `loss_type=["sigmoid", "bco_pair", "sft"]`. */
export const mpo = defineObjective({
  id: 'mpo',
  label: 'MPO',
  family: 'mixed with SFT',
  paper: {
    title: 'Enhancing the Reasoning Ability of Multimodal Large Language Models via Mixed Preference Optimization',
    arxiv: '2411.10442',
    year: 2024,
  },
  summary: 'Learns which answer is better, whether each is good, and how to write the good one, in one weighted loss.',
  problems: ['likelihood-displacement'],
  formula: '\\mathcal{L} = w_p\\,\\mathcal{L}_{\\mathrm{DPO}} + w_q\\,\\mathcal{L}_{\\mathrm{BCO}}',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected', 'chosenLength'],
  hyperparameters: [
    beta(0.1),
    weight('w_pref', 'w_p', 'preference', 0.8, 'Weight of the comparison (DPO).'),
    weight('w_qual', 'w_q', 'quality', 0.2, 'Weight of the absolute judgement (BCO).'),
    weight('w_gen', 'w_g', 'generation', 1, 'Weight of the likelihood of the chosen answers.'),
    weight('delta', 'δ', 'delta', 0, 'Reward shift of the BCO part.', { min: -2, max: 2, refuse: undefined }),
  ],
  evaluate(pair, { beta, w_pref, w_qual, delta }) {
    const rewards = implicitRewards(pair, beta);
    const { chosen, rejected } = rewards;
    const margin = chosen - rejected;
    const quality = softplus(delta - chosen) + softplus(rejected - delta);
    return pairValue(w_pref * softplus(-margin) + w_qual * quality, rewards, {
      chosen: -beta * (w_pref * sigmoid(-margin) + w_qual * sigmoid(delta - chosen)),
      rejected: beta * (w_pref * sigmoid(-margin) + w_qual * sigmoid(rejected - delta)),
    });
  },
  batchTerm: { formula: 'w_g\\,\\mathrm{NLL}(y_w)', nllWeight: ({ w_gen }) => w_gen },
  curve: logRatioCurve(false),
  wgsl,
});
