/** What the tabs of the explorer draw: the objective with its knobs, the pairs of the page, and the pair curves go through. */
import { CURVE_PAIR } from '../../kernels/losses/curves.ts';
import type { EveryLoss } from '../../kernels/losses/families/every.ts';
import { needsOfPair } from '../../kernels/losses/families/on-pairs.ts';
import { INPUTS, missingInputs, type PairInputs, pairInputs } from '../../kernels/losses/inputs.ts';
import type { HyperparameterValues } from '../../kernels/losses/objective.ts';
import type { App } from '../../state/app.ts';
import { DRAFT } from '../../state/evaluation.ts';
import { completed, type Landscape, landscapeOf } from './landscape.ts';

export interface ViewPair {
  readonly id: string;
  readonly name: string;
  /** Without gaps: what the pair does not know comes from the example pair. */
  readonly inputs: PairInputs;
}

export interface View {
  readonly every: EveryLoss;
  readonly values: HyperparameterValues;
  readonly pairs: readonly ViewPair[];
  /** The pair whose reference, lengths and further inputs a picture takes. */
  readonly like: PairInputs;
  readonly likeId: string | null;
  readonly likeName: string;
  /** What the objective needs and no pair of the page has, in words: the example pair lends it. */
  readonly lent: readonly string[];
}

/** What pairs are called, by id: their places in the list. */
function pairNames(pairs: readonly { readonly id: string }[]): Map<string, string> {
  return new Map([...pairs.map(({ id }, i) => [id, `Pair ${i + 1}`] as const), [DRAFT, 'Marked pair'] as const]);
}

/** The pair `wanted` is shown, else the last one, else the example. */
export function viewOf(app: App, every: EveryLoss, values: HyperparameterValues, wanted: string | null): View {
  const names = pairNames(app.store.state.pairs);
  // Lent scores are no scores: such pairs would all stand in the example's place.
  const usable = app.evaluation.rows.map(
    (row) => every.kind !== 'reward-model' || missingInputs(row, needsOfPair(every)).length === 0,
  );
  const ids = app.evaluation.ids.filter((_, i) => usable[i]);
  const rows = app.evaluation.rows.filter((_, i) => usable[i]);
  const pairs = ids.map((id, i) => ({ id, name: names.get(id) ?? id, inputs: completed(pairInputs(rows[i])) }));
  const shown = pairs.find(({ id }) => id === wanted) ?? pairs.at(-1);
  const row = shown && rows[pairs.indexOf(shown)];
  return {
    every,
    values,
    pairs,
    like: shown?.inputs ?? CURVE_PAIR,
    likeId: shown?.id ?? null,
    likeName: shown?.name ?? 'an example pair',
    lent: row ? missingInputs(row, needsOfPair(every)).map((name) => INPUTS[name]) : [],
  };
}

/** A loss over the pairs of a view, the shown pair first. */
export function landscapeIn(view: View, every = view.every, values = view.values): Landscape {
  const others = view.pairs.filter(({ id }) => id !== view.likeId).map(({ inputs }) => inputs);
  return landscapeOf(every, values, view.likeId === null ? [] : [view.like, ...others]);
}

/** One sentence on what a picture takes as given. */
export function given(view: View): string {
  const lent =
    view.lent.length > 0
      ? ` No pair here has ${view.lent.join(', ')}: the example lends ${view.lent.length > 1 ? 'them' : 'it'}.`
      : '';
  return `Reference, lengths and further inputs are those of ${view.likeName}.${lent}`;
}

/** What is peculiar to the loss when it looks at pairs; empty where nothing is. */
export function peculiarity({ kind, loss }: EveryLoss): string {
  switch (kind) {
    case 'pairwise':
      return loss.batchTerm?.nllWeight
        ? `${loss.label}: with its likelihood term, as in a batch of this pair alone.`
        : '';
    case 'unpaired':
      return `${loss.label}: the mean of its two examples, chosen wanted and rejected unwanted${
        loss.needsMismatched ? '; z₀ = 0, as while policy and reference agree on mismatched answers' : ''
      }.`;
    case 'coupled':
      return `${loss.label}: this pair’s share, the other pairs of the batch held fixed.`;
    case 'token':
      return `${loss.label}: the pair as a group of two that the reference sampled, rewarded 1 and 0; all tokens of an answer move alike.`;
    case 'sequence':
      return `${loss.label}: the pair as a group of two answers, rewarded 1 and 0.`;
    case 'reward-model':
      return `${loss.label}: the margin is a difference of scores.`;
  }
}
