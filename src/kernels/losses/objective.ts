/**
 * What a preference objective is: plain data and one float64 function. The picker, the sliders, the formula, the
 * plots, the WGSL dispatch, the tests and the docs all read this one interface; `losses/index.ts` is the list.
 */
import type { KernelReport } from '../../engine/engine.ts';
import type { InputName, PairInputs } from './inputs.ts';
import type { Problem } from './problems.ts';

/** Values of an objective's hyperparameters, by key. */
export type HyperparameterValues = Readonly<Record<string, number>>;

/** One knob of an objective. `min`, `max` and `step` belong to its slider; `refuse` says what is really impossible. */
export interface Hyperparameter<K extends string = string> {
  /** TRL's name where TRL has one, e.g. `beta`, `label_smoothing`. Also the member name in `loss.wgsl`. */
  readonly key: K;
  /** Greek letter as printed in the formula, e.g. `β`. */
  readonly symbol: string;
  /** The letter in words, e.g. `beta`: the slider is called "β beta". */
  readonly word: string;
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** `log` for knobs that people move by factors. */
  readonly scale?: 'log';
  /** A sentence why this value cannot be used, or `undefined`. Sees all values, because some limits depend on others. */
  refuse?(value: number, all: HyperparameterValues): string | undefined;
  /** What turning it does, in one sentence. */
  readonly doc: string;
  /** Other names under which papers and codes give it, each with its conversion: SimPO's `gamma_beta_ratio`, for one. */
  readonly aliases?: Readonly<Record<string, (value: number, all: HyperparameterValues) => number>>;
}

/** How hard and how long to train, where measurements say so. */
export interface SuitableTraining {
  readonly learning_rate: number;
  readonly per_device_train_batch_size: number;
  readonly num_train_epochs: number;
}

/** Which shelf of the picker an objective stands on. */
export type ObjectiveFamily =
  | 'with a reference'
  | 'reference-free'
  | 'absolute likelihood'
  | 'with scores'
  | 'token-weighted'
  | 'images'
  | 'mixed with SFT';

/** What an objective makes of one pair, in float64. */
export interface PairValue {
  readonly loss: number;
  readonly rewards: { readonly chosen: number; readonly rejected: number };
  /** `rewards.chosen - rewards.rejected`; TRL logs its mean as `rewards/margins`. */
  readonly margin: number;
  /**
   * Derivatives of `loss` with respect to the policy's summed log-probabilities, and to further inputs a gradient flows
   * into (named as in `PairInputs`). A token that enters several sums receives the sum of their gradients.
   */
  readonly gradients: { readonly chosen: number; readonly rejected: number } & {
    readonly [extra in InputName]?: number;
  };
}

/** What a batch adds to the mean of its pair losses. */
export interface BatchTerm<K extends string = string> {
  /** The term as KaTeX, e.g. `\alpha\,\mathrm{NLL}(y_w)`. */
  readonly formula: string;
  /** Weight of the token-mean NLL of the chosen answers, `-sum(chosen) / sum(chosenLength)`. */
  nllWeight?(h: Readonly<Record<K, number>>): number;
  /** A number that was measured elsewhere and carries no gradient to these pairs. */
  constant?(h: Readonly<Record<K, number>>): number;
}

/** A further input of `loss.wgsl`. */
export interface ExtraInput {
  readonly input: keyof PairInputs;
  /** The field of the row that a gradient flows into; absent for inputs under a stop-gradient. */
  readonly gradient?: InputName;
}

/** How an objective is drawn over a margin axis. */
export interface Curve<K extends string = string> {
  /** Axis title as KaTeX. */
  readonly axis: string;
  /** Where the dot of a pair stands on the axis. */
  margin(pair: PairInputs, h: Readonly<Record<K, number>>): number;
  /** A pair with this margin, in every other respect like `like` (default: `CURVE_PAIR`), to draw the curve through. */
  rowAt(margin: number, h: Readonly<Record<K, number>>, like?: PairInputs): PairInputs;
  /** True where the loss depends on the pair through the margin alone, so that every dot lies on the curve. */
  readonly exact: boolean;
}

export interface Objective<K extends string = string> {
  /** Folder name, e.g. `dpo_sigmoid`. */
  readonly id: string;
  readonly label: string;
  readonly family: ObjectiveFamily;
  readonly paper: { readonly title: string; readonly arxiv?: string; readonly year: number };
  /** What it is for, in one sentence. */
  readonly summary: string;
  /** The problems it was made for; at least one. */
  readonly problems: readonly Problem[];
  /** KaTeX source of the pair loss, from `\mathcal{L} =` on. */
  readonly formula: string;
  /** KaTeX source of the definitions that the formula needs, e.g. `D = h_w - h_l`. */
  readonly where?: string;
  /** Fields of `PairRow` it cannot do without. `refChosen` is also satisfied by `chosenLogRatio`, and so on. */
  readonly needs: readonly InputName[];
  /** Fields it reads where a row has them. */
  readonly optional?: readonly InputName[];
  /** A sentence why this pair cannot be used although its numbers are complete, or `undefined`. */
  refusePair?(pair: PairInputs): string | undefined;
  /** Inputs beyond log-probabilities, log-ratios and lengths, in the order of `pair.extra[i]` in `loss.wgsl`; at most 4. */
  readonly extras?: readonly ExtraInput[];
  readonly hyperparameters: readonly Hyperparameter<K>[];
  /** Settings of the trainer that suit it on the bundled model, by TRL's names; the trainer's own where it has none. */
  readonly training?: SuitableTraining;
  /** Value, rewards and gradients of one pair in float64: the reference its WGSL is held against. */
  evaluate(pair: PairInputs, h: Readonly<Record<K, number>>): PairValue;
  /**
   * For objectives with a batch statistic (under a stop-gradient): returns `h` with what all pairs of the batch
   * share, under the keys listed in `prepared`; they follow the hyperparameters in the WGSL struct.
   */
  prepare?(pairs: readonly PairInputs[], h: Readonly<Record<K, number>>): HyperparameterValues;
  readonly prepared?: readonly string[];
  readonly batchTerm?: BatchTerm<K>;
  readonly curve?: Curve<K>;
  /** `loss.wgsl`: `struct Hyperparameters` and `fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss`. */
  readonly wgsl: KernelReport['files'][number];
}

/** Identity with inference: `evaluate` sees exactly the keys of `hyperparameters`. */
export function defineObjective<K extends string>(objective: Objective<K>): Objective<K> {
  return objective;
}

/** The whole formula as KaTeX: the pair loss, what the batch adds, and the definitions. */
export function fullFormula({ formula, batchTerm, where }: Pick<Objective, 'formula' | 'batchTerm' | 'where'>): string {
  const added = batchTerm ? ` + ${batchTerm.formula}` : '';
  return formula + added + (where ? `,\\quad ${where}` : '');
}

/** The margin of a pair's rewards goes with them: no objective computes it by hand. */
export function pairValue(loss: number, rewards: PairValue['rewards'], gradients: PairValue['gradients']): PairValue {
  return { loss, rewards, margin: rewards.chosen - rewards.rejected, gradients };
}
