import { defineUnpaired } from '../families/unpaired.ts';
import { beta } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import wgsl from './loss.wgsl';

/** Fine-grained DPO over judged segments, Gunjal et al. 2023 (M-HalDetect). The formula of the paper; no code is public. */
export const fdpo = defineUnpaired({
  id: 'fdpo',
  label: 'FDPO',
  paper: {
    title: 'Detecting and Preventing Hallucinations in Large Vision Language Models',
    arxiv: '2308.06394',
    year: 2023,
  },
  summary: 'Raises the accurate segments of an answer and lowers the invented ones; unsure segments do not count.',
  problems: ['unpaired-data', 'hallucination', 'token-credit'],
  formula:
    '\\mathcal{L} = \\begin{cases} -\\log\\sigma(\\beta h) & c = 1 \\\\ -\\log\\sigma(-\\beta h) & c = 0 \\\\ 0 & c \\ge 2 \\end{cases}',
  hyperparameters: [beta(0.5)],
  segments: true,
  counts: ({ label }) => label < 2,
  evaluate({ label, logRatio }, { beta }) {
    const reward = beta * logRatio;
    if (label >= 2) return { loss: 0, reward, gradient: 0 };
    const sign = label === 1 ? 1 : -1;
    return { loss: softplus(-sign * reward), reward, gradient: -sign * beta * sigmoid(-sign * reward) };
  },
  wgsl,
});
