import { defineCoupled } from '../families/coupled.ts';
import { beta } from '../knobs.ts';
import { sigmoid } from '../math.ts';
import wgsl from './loss.wgsl';

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The first public KTO, over pairs: TRL before 0.9, `loss_type="kto_pair"`. Its KL estimates are differentiated. */
export const ktoPair = defineCoupled({
  id: 'kto_pair',
  label: 'KTO on pairs (old)',
  paper: { title: 'KTO: Model Alignment as Prospect Theoretic Optimization', arxiv: '2402.01306', year: 2024 },
  summary: 'The first public form of KTO, kept to reproduce old runs: the gradient flows through its KL estimates.',
  problems: ['noisy-labels'],
  formula: '\\mathcal{L} = \\tfrac{1}{2}\\big[\\sigma(-\\beta(h_w - z_l)) + \\sigma(-\\beta(z_w - h_l))\\big]',
  where: 'z_w = \\max(0, \\overline{h_w}),\\quad z_l = \\max(0, \\overline{h_l})',
  hyperparameters: [beta(0.1)],
  evaluate(pairs, { beta }) {
    const meanChosen = mean(pairs.map((pair) => pair.chosenLogRatio));
    const meanRejected = mean(pairs.map((pair) => pair.rejectedLogRatio));
    const terms = pairs.map(({ chosenLogRatio, rejectedLogRatio }) => {
      const chosen = beta * (chosenLogRatio - Math.max(0, meanRejected));
      const rejected = beta * (Math.max(0, meanChosen) - rejectedLogRatio);
      return {
        loss: (sigmoid(-chosen) + sigmoid(-rejected)) / 2,
        chosen: beta * sigmoid(chosen) * sigmoid(-chosen),
        rejected: beta * sigmoid(rejected) * sigmoid(-rejected),
      };
    });
    // Each KL estimate is a mean over the batch, so every pair receives the mean slope of the terms it stands in.
    const throughChosen = meanChosen >= 0 ? mean(terms.map((term) => term.rejected)) : 0;
    const throughRejected = meanRejected >= 0 ? mean(terms.map((term) => term.chosen)) : 0;
    return terms.map(({ loss, chosen, rejected }) => ({
      loss,
      gradients: {
        chosen: -(chosen + throughChosen) / (2 * pairs.length),
        rejected: (rejected + throughRejected) / (2 * pairs.length),
      },
    }));
  },
  wgsl,
});
