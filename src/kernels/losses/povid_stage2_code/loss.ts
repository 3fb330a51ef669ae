import { logRatioCurve } from '../curves.ts';
import { beta, weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** POVID, stage 2, Zhou et al. 2024, as its code computes it. */
export const povidStage2Code = defineObjective({
  id: 'povid_stage2_code',
  label: 'POVID, stage 2',
  family: 'images',
  paper: {
    title: 'Aligning Modalities in Vision Large Language Models via Preference Fine-tuning',
    arxiv: '2402.11411',
    year: 2024,
  },
  summary:
    'DPO against two rejected answers at once: a written hallucination, and what a noisy image makes the model say.',
  problems: ['image-neglect', 'hallucination'],
  formula: '\\mathcal{L} = -(1-\\mu)\\log\\sigma(\\beta\\,(h_w - h_l)) - \\mu\\log\\sigma(\\beta\\,(h_w - h_n))',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected', 'noisyArgmax', 'refNoisyArgmax'],
  extras: [{ input: 'noisyArgmaxLogRatio', gradient: 'noisyArgmax' }],
  hyperparameters: [
    beta(0.1),
    weight('mix', 'μ', 'mix', 0.5, 'Share of the noisy-image term.', {
      max: 1,
      refuse: (value) => (value >= 0 && value <= 1 ? undefined : 'it must lie between 0 and 1.'),
    }),
  ],
  evaluate(pair, { beta, mix }) {
    const text = beta * (pair.chosenLogRatio - pair.rejectedLogRatio);
    const noisy = beta * (pair.chosenLogRatio - pair.noisyArgmaxLogRatio);
    const byText = beta * (1 - mix) * sigmoid(-text);
    const byNoise = beta * mix * sigmoid(-noisy);
    return pairValue((1 - mix) * softplus(-text) + mix * softplus(-noisy), implicitRewards(pair, beta), {
      chosen: -byText - byNoise,
      rejected: byText,
      noisyArgmax: byNoise,
    });
  },
  curve: logRatioCurve(false),
  wgsl,
});
