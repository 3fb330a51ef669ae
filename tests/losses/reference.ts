/**
 * The reference numbers of every objective (`tests/golden/objectives_reference.json`: torch autograd in float64), as
 * rows, hyperparameters and expected values of ours.
 */
import type { PairRow } from '../../src/engine/engine.ts';
import type { InputName } from '../../src/kernels/losses/inputs.ts';
import type { PairValue } from '../../src/kernels/losses/objective.ts';

type Numbers = readonly number[];
type Tokens = readonly Numbers[];

interface PairsOfFile {
  readonly Lc: Numbers;
  readonly Lr: Numbers;
  readonly tok_policy_chosen: Tokens;
  readonly tok_policy_rejected: Tokens;
  readonly tok_ref_chosen: Tokens;
  readonly tok_ref_rejected: Tokens;
  readonly tok_changed_chosen: Tokens;
  readonly tok_changed_rejected: Tokens;
  readonly extra_reward_chosen: Tokens;
  readonly extra_reward_rejected: Tokens;
  readonly [name: string]: Numbers | Tokens;
}

export interface ReferenceObjective {
  readonly params: Readonly<Record<string, unknown>>;
  readonly per_pair: {
    readonly loss: Numbers;
    readonly grad: Readonly<Record<string, Numbers | Tokens>>;
    readonly reward_chosen: Numbers;
    readonly reward_rejected: Numbers;
    readonly margin: Numbers;
  };
  readonly batch: {
    readonly loss: number;
    readonly grad: Readonly<Record<string, Numbers | Tokens>>;
    readonly reward_accuracy: number;
  };
}

export interface WorkedExample {
  readonly params: Readonly<Record<string, unknown>>;
  readonly loss: number;
  readonly batch_loss: number;
  readonly grad: Readonly<Record<string, number | Numbers>>;
  readonly reward_chosen: number;
  readonly reward_rejected: number;
  readonly margin: number;
}

export interface ReferenceFile {
  readonly inputs: { readonly pairs: PairsOfFile };
  readonly pairwise: Readonly<Record<string, ReferenceObjective>>;
  readonly worked_example: {
    readonly inputs: PairsOfFile;
    readonly results: Readonly<Record<string, WorkedExample>>;
  };
  readonly edge_cases: Readonly<Record<string, Readonly<Record<string, Numbers>>>>;
}

let file: Promise<ReferenceFile> | undefined;

export function referenceFile(): Promise<ReferenceFile> {
  file ??= fetch('/tests/golden/objectives_reference.json').then((response) => response.json());
  return file;
}

/** Fields of the file that are one number per pair, and their names here. */
const FIELDS = {
  pc: 'chosen',
  pr: 'rejected',
  rc: 'refChosen',
  rr: 'refRejected',
  Lc: 'chosenLength',
  Lr: 'rejectedLength',
  pi: 'corruptedChosen',
  ri: 'refCorruptedChosen',
  noisy_argmax_policy: 'noisyArgmax',
  noisy_argmax_ref: 'refNoisyArgmax',
  score_chosen: 'scoreChosen',
  score_rejected: 'scoreRejected',
  prob_chosen: 'winProbChosen',
  prob_rejected: 'winProbRejected',
  wpo_weight_chosen: 'wpoWeightChosen',
  wpo_weight_rejected: 'wpoWeightRejected',
  seqkl_chosen: 'sequenceKlChosen',
  seqkl_rejected: 'sequenceKlRejected',
} as const satisfies Record<string, InputName>;

/** The pairs that the file's `beta_dpo_batch` keeps in its batch statistic. */
const KEPT: ReadonlySet<number> = new Set([0, 1, 2, 3, 4, 5, 7, 8, 9]);

/** Rows with every input any objective may need. */
export function rowsOf(pairs: PairsOfFile): PairRow[] {
  return pairs.Lc.map((_, i) => {
    const row: Record<string, number> = {};
    for (const [name, field] of Object.entries(FIELDS)) row[field] = (pairs[name] as Numbers)[i];
    for (const side of ['chosen', 'rejected'] as const) {
      const difference = logRatios(pairs, side, i);
      const changed = pairs[`tok_changed_${side}`] as Tokens;
      const shorter = Math.min(pairs.Lc[i], pairs.Lr[i]);
      row[`${side}ChangedLogRatio`] = sum(difference.map((value, t) => value * changed[i][t]));
      row[`${side}ChangedLength`] = sum(changed[i].filter((_, t) => t < row[`${side}Length`]));
      row[`${side}TailLogRatio`] = sum(difference.slice(shorter));
    }
    row.kept = KEPT.has(i) ? 1 : 0;
    [row.extraRewardChosen1, row.extraRewardChosen2] = pairs.extra_reward_chosen[i];
    [row.extraRewardRejected1, row.extraRewardRejected2] = pairs.extra_reward_rejected[i];
    return row as unknown as PairRow;
  });
}

const sum = (values: Numbers): number => values.reduce((total, value) => total + value, 0);

function logRatios(pairs: PairsOfFile, side: 'chosen' | 'rejected', i: number): number[] {
  const length = (side === 'chosen' ? pairs.Lc : pairs.Lr)[i];
  const policy = pairs[`tok_policy_${side}`][i] as Numbers;
  const reference = pairs[`tok_ref_${side}`][i] as Numbers;
  return policy.slice(0, length).map((value, t) => value - reference[t]);
}

/** The file's parameters as hyperparameters: numbers pass, MODPO's weight vector becomes `w1` and `w2`. */
export function hyperparametersOf(id: string, params: Readonly<Record<string, unknown>>): Record<string, number> {
  const values: Record<string, number> = {};
  for (const [key, value] of Object.entries(params)) if (typeof value === 'number') values[key] = value;
  if (id === 'modpo') [, values.w1, values.w2] = params.w as Numbers;
  if (id === 'simpo_no_margin') delete values.gamma;
  return values;
}

/**
 * A gradient of the file that ours must equal: the pair's own number, or for token gradients the number at each
 * token, which is the sum of the gradients of the sums that token enters.
 */
export function gradientsOf(name: string, gradients: PairValue['gradients'], pairs: PairsOfFile, i: number): number[] {
  const field = FIELDS[name as keyof typeof FIELDS];
  if (field !== undefined) return [gradients[field] ?? Number.NaN];
  const side = name === 'tok_policy_chosen' ? 'chosen' : 'rejected';
  const length = (side === 'chosen' ? pairs.Lc : pairs.Lr)[i];
  const shorter = Math.min(pairs.Lc[i], pairs.Lr[i]);
  const changed = pairs[`tok_changed_${side}`][i] as Numbers;
  return (pairs[name][i] as Numbers).map((_, t) => {
    if (t >= length) return 0;
    const onChanged = changed[t] * (gradients[`${side}ChangedLogRatio`] ?? 0);
    const onTail = t >= shorter ? (gradients[`${side}TailLogRatio`] ?? 0) : 0;
    return gradients[side] + onChanged + onTail;
  });
}
