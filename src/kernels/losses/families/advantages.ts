/** Statistics of groups of answers under a stop-gradient: what a reward is worth beside its neighbours'. */
import type { GroupBatch } from './group.ts';

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Exponents of ratios are held below this: e^20 is far beyond every clip, and an f32 holds it. */
export const LARGEST_EXPONENT = 20;

/** The answers of each prompt. */
export function groupsOf<T>(values: readonly T[], groupSize: number): T[][] {
  return Array.from({ length: values.length / groupSize }, (_, group) =>
    values.slice(group * groupSize, (group + 1) * groupSize),
  );
}

/** Sample standard deviation (divisor n - 1). */
function deviation(values: readonly number[]): number {
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}

/**
 * GRPO's advantage: reward minus the group's mean, over a standard deviation plus 1e-4 (TRL).
 * @param scale 0: not divided; 1: the group's deviation; 2: the deviation of the whole batch.
 */
export function groupAdvantages({ completions, groupSize }: GroupBatch, scale: number): number[] {
  const rewards = completions.map((each) => each.reward);
  const whole = deviation(rewards);
  return groupsOf(rewards, groupSize).flatMap((group) => {
    const centre = mean(group);
    const divisor = scale === 0 ? 1 : (scale === 1 ? deviation(group) : whole) + 1e-4;
    return group.map((reward) => (reward - centre) / divisor);
  });
}

/** RLOO's advantage: reward minus the mean of the *other* answers of the group. */
export function leaveOneOutAdvantages(rewards: readonly number[], groupSize: number): number[] {
  return groupsOf(rewards, groupSize).flatMap((group) => {
    const total = group.reduce((sum, reward) => sum + reward, 0);
    return group.map((reward) => reward - (total - reward) / (groupSize - 1));
  });
}

/** Generalised advantage estimates of one answer, Schulman et al. 2015, from its last token to its first. */
export function generalisedAdvantages(
  rewards: readonly number[],
  values: readonly number[],
  gamma: number,
  lambda: number,
): number[] {
  const advantages = new Array<number>(rewards.length);
  let later = 0;
  for (let t = rewards.length - 1; t >= 0; t--) {
    later = rewards[t] + gamma * (values[t + 1] ?? 0) - values[t] + gamma * lambda * later;
    advantages[t] = later;
  }
  return advantages;
}

/** Index of the largest value; the first of equals. */
export const best = (values: readonly number[]): number =>
  values.reduce((leader, value, index) => (value > values[leader] ? index : leader), 0);
