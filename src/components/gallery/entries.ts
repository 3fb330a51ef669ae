/** What the gallery knows of each loss: its shelf, what it needs, and whether it answers to a filter. No drawing. */
import { type EveryLoss, everyLoss, shelfOf } from '../../kernels/losses/families/every.ts';
import type { InputName } from '../../kernels/losses/inputs.ts';
import type { Objective } from '../../kernels/losses/objective.ts';
import { PROBLEMS, type Problem } from '../../kernels/losses/problems.ts';

/** What a loss may need beyond the policy's own log-probabilities. */
export const NEEDS = {
  reference: 'a reference',
  lengths: 'lengths',
  scores: 'scores',
  images: 'a second image',
  tokens: 'a comparison of tokens',
  vocabulary: 'the whole vocabulary',
  batch: 'a batch',
  labels: 'labels',
  samples: 'sampled answers',
  critic: 'a critic',
} as const;

export type Need = keyof typeof NEEDS;

const NEED_OF_INPUT: Partial<Record<InputName, Need>> = {
  refChosen: 'reference',
  refRejected: 'reference',
  chosenLength: 'lengths',
  rejectedLength: 'lengths',
  scoreChosen: 'scores',
  winProbChosen: 'scores',
  extraRewardChosen1: 'scores',
  corruptedChosen: 'images',
  noisyArgmax: 'images',
  chosenChangedLogRatio: 'tokens',
  chosenTailLogRatio: 'tokens',
  rejectedTailLogRatio: 'tokens',
  wpoWeightChosen: 'vocabulary',
  sequenceKlChosen: 'vocabulary',
};

export interface Entry {
  readonly tagged: EveryLoss;
  /** Heading it stands under. */
  readonly shelf: string;
  readonly needs: readonly Need[];
}

/** Pairs bring answers of their own; only a statistic of other pairs needs a batch. */
function needsOfPairwise({ needs, prepare }: Objective): Need[] {
  const found = needs.flatMap((name) => NEED_OF_INPUT[name] ?? []);
  return [...new Set<Need>([...found, ...(prepare ? (['batch'] as const) : [])])];
}

function needsOf({ kind, loss }: EveryLoss): readonly Need[] {
  switch (kind) {
    case 'pairwise':
      return needsOfPairwise(loss);
    case 'unpaired':
      return ['labels', 'reference', ...(loss.prepare ? (['batch'] as const) : [])];
    case 'coupled':
      return ['reference', 'batch'];
    case 'reward-model':
      return ['scores'];
    case 'token':
    case 'sequence': {
      const reference = loss.needs.includes('refLogps') ? (['reference'] as const) : [];
      const critic = loss.needs.includes('oldValues') ? (['critic'] as const) : [];
      return ['samples', ...reference, ...critic];
    }
  }
}

/** Every loss of every family, in the order of the picker. */
export const entries: readonly Entry[] = everyLoss.map((tagged) => ({
  tagged,
  shelf: shelfOf(tagged),
  needs: needsOf(tagged),
}));

export interface Filter {
  readonly text: string;
  /** `none:…` asks for losses that do without. */
  readonly need: Need | 'none:reference' | '';
  readonly problem: Problem | '';
}

export const NO_FILTER: Filter = { text: '', need: '', problem: '' };

const words = ({ tagged: { loss } }: Entry): string =>
  [
    loss.id,
    loss.label,
    loss.summary,
    loss.paper.title,
    loss.paper.arxiv ?? '',
    String(loss.paper.year),
    ...loss.problems.map((problem) => PROBLEMS[problem].label),
  ]
    .join(' ')
    .toLowerCase();

/** Whether a loss answers to all parts of the filter. Every word of the text must occur. */
export function matches(entry: Entry, { text, need, problem }: Filter): boolean {
  if (need === 'none:reference' && entry.needs.includes('reference')) return false;
  if (need !== '' && need !== 'none:reference' && !entry.needs.includes(need)) return false;
  if (problem !== '' && !entry.tagged.loss.problems.includes(problem)) return false;
  const searched = words(entry);
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => searched.includes(word));
}
