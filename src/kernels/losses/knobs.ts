/** Hyperparameters that several objectives share; each objective gives its own default and range. */
import type { Hyperparameter } from './objective.ts';

type Range = Partial<Pick<Hyperparameter, 'min' | 'max' | 'step' | 'scale' | 'doc' | 'refuse'>>;

/** A sentence for knobs that divide or scale: zero and below make the loss meaningless. */
export const refuseUnlessPositive = (value: number): string | undefined =>
  value > 0 ? undefined : 'it must be greater than 0.';

/** A sentence for weights. */
export const refuseNegative = (value: number): string | undefined =>
  value >= 0 ? undefined : 'it must not be negative.';

/** How far the policy may leave the reference: the KL strength of DPO and its relatives. */
export const beta = (defaultValue: number, range: Range = {}): Hyperparameter<'beta'> => ({
  key: 'beta',
  symbol: 'β',
  word: 'beta',
  default: defaultValue,
  min: 0.01,
  max: 1,
  step: 0.01,
  scale: 'log',
  doc: 'Scales log-ratios to rewards: a larger value keeps the policy nearer to the reference.',
  refuse: refuseUnlessPositive,
  ...range,
});

/** Probability that a label is flipped, 0 <= epsilon < 1/2. */
export const labelSmoothing = (defaultValue: number, range: Range = {}): Hyperparameter<'label_smoothing'> => ({
  key: 'label_smoothing',
  symbol: 'ε',
  word: 'epsilon',
  default: defaultValue,
  min: 0,
  max: 0.49,
  step: 0.01,
  doc: 'Probability that chosen and rejected were swapped by mistake.',
  refuse: (value) => (value >= 0 && value < 0.5 ? undefined : 'it must be at least 0 and less than 0.5.'),
  ...range,
});

/** SimPO's target reward margin. */
export const gamma = (defaultValue: number): Hyperparameter<'gamma'> => ({
  key: 'gamma',
  symbol: 'γ',
  word: 'gamma',
  default: defaultValue,
  min: 0,
  max: 3,
  step: 0.05,
  doc: 'Target margin: pairs whose reward margin is below it still push.',
  refuse: refuseNegative,
  aliases: {
    simpo_gamma: (value) => value,
    gamma_beta_ratio: (value, { beta }) => value * beta,
  },
});

/** A weight of a term, or any other knob that must not be negative. */
export const weight = <K extends string>(
  key: K,
  symbol: string,
  word: string,
  defaultValue: number,
  doc: string,
  range: Range = {},
): Hyperparameter<K> => ({
  key,
  symbol,
  word,
  default: defaultValue,
  min: 0,
  max: 2,
  step: 0.05,
  doc,
  refuse: refuseNegative,
  ...range,
});

/** Weight of the negative log-likelihood of the chosen answers, under the name each method gives it. */
export const sftWeight = <K extends string>(
  key: K,
  defaultValue: number,
  symbol = 'α',
  word = 'alpha',
): Hyperparameter<K> =>
  weight(
    key,
    symbol,
    word,
    defaultValue,
    'Weight of the likelihood of the chosen answers: it holds the policy to text it should still be able to write.',
  );
