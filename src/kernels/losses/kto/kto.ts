/** KTO's value function, which its weighted form shares. */
import type { Example, ExampleValue } from '../families/unpaired.ts';
import { weight } from '../knobs.ts';
import { sigmoid } from '../math.ts';
import type { HyperparameterValues } from '../objective.ts';

/** Weight of one class. */
export const ktoWeight = <K extends string>(key: K, symbol: string, word: string, value: number, doc: string) =>
  weight(key, symbol, word, value, `${doc} TRL wants weight times count of both classes between 1:1 and 4:3.`, {
    max: 4,
  });

/** The KL estimate pairs each prompt with a neighbour's answer. */
export const refuseSingle = (examples: readonly Example[]): string | undefined =>
  examples.length > 1 ? undefined : 'a batch of one has no neighbour to take a mismatched answer from; give it two.';

/** The reference point: mean log-ratio of the mismatched answers, not below 0, not scaled by beta, no gradient. */
export function prepareKto(examples: readonly Example[], values: HyperparameterValues): HyperparameterValues {
  const mean = examples.reduce((sum, each) => sum + each.mismatchedLogRatio, 0) / examples.length;
  return { ...values, kl: Math.max(0, mean) };
}

/** Losses of both classes; the slope sigma(u) sigma(-u) dies out on both tails. */
export function evaluateKto(
  { label, logRatio }: Example,
  values: Readonly<Record<'beta' | 'desirable_weight' | 'undesirable_weight', number>>,
): ExampleValue {
  const { beta, desirable_weight, undesirable_weight } = values;
  const { kl = 0 } = values as HyperparameterValues;
  const u = beta * (logRatio - kl);
  const slope = beta * sigmoid(u) * sigmoid(-u);
  const reward = beta * logRatio;
  return label === 1
    ? { loss: desirable_weight * sigmoid(-u), reward, gradient: -desirable_weight * slope }
    : { loss: undesirable_weight * sigmoid(u), reward, gradient: undesirable_weight * slope };
}
