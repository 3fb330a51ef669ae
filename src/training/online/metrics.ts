/** A micro-batch of sampled answers under the names of TRL's GRPO log. */
import type { StepCompletion } from '../../engine/engine.ts';
import { groupsOf } from '../../kernels/losses/families/advantages.ts';
import type { Completion, GroupObjective } from '../../kernels/losses/families/group.ts';
import { k3 } from '../../kernels/losses/families/policy-ratio.ts';
import { TOKEN_PARTIALS } from '../../kernels/token-loss/kernel.ts';
import type { MicroBatchMetrics, StepMeans } from '../families/family.ts';
import type { RewardFunction } from './rewards.ts';
import type { Rollout } from './rollout.ts';

export interface GroupRecord {
  readonly objective: GroupObjective;
  readonly rollouts: readonly Rollout[];
  /** What the loss saw, in the order of the rollouts. */
  readonly completions: readonly Completion[];
  /** Of every trained token, nats. */
  readonly entropy: ArrayLike<number>;
  /** What each trained answer was judged by. */
  readonly signals: readonly number[];
  /** Partial sums of the loss. */
  readonly sums: ArrayLike<number>;
  readonly rewards: readonly Pick<RewardFunction, 'name'>[];
}

/** Rewards closer than this are equal: f32 scores of one text may differ in their last bit. */
const EQUAL = 1e-8;

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Sample standard deviation (divisor n - 1); 0 for a single value. */
function deviation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}

/** Means over the micro-batch, and the answers to its first prompt. */
export function groupMetrics(record: GroupRecord): MicroBatchMetrics {
  const { objective, rollouts, completions, entropy, sums } = record;
  const answers = rollouts.flatMap((rollout) => rollout.answers);
  const spreads = rollouts.map((rollout) => deviation(rollout.answers.map(({ reward }) => reward)));
  const columns = objective.level === 'token' ? TOKEN_PARTIALS : 1;
  const sumOf = (column: number) => {
    let sum = 0;
    for (let at = column; at < sums.length; at += columns) sum += sums[at];
    return sum;
  };
  // A shader may take any NaN for a number: what went in decides.
  const finite = completions.every(({ logps, refLogps = [] }) => [...logps, ...refLogps].every(Number.isFinite));
  const kl = divergence(objective, completions);
  const means: StepMeans = {
    loss: finite ? sumOf(0) : Number.NaN,
    reward: mean(answers.map(({ reward }) => reward)),
    reward_std: mean(spreads),
    frac_reward_zero_std: spreads.filter((spread) => spread < EQUAL).length / spreads.length,
    ...(kl !== undefined && { kl }),
    entropy: mean(Array.from(entropy)),
    'completions/mean_length': mean(answers.map(({ ids }) => ids.length)),
    'completions/clipped_ratio': mean(answers.map(({ hasStop }) => 1 - hasStop)),
    ...rewardMeans(record),
    ...(objective.id === 'nash_md' && { 'rewards/probabilities': mean(completions.map(({ reward }) => reward)) }),
  };
  return { means, completions: firstGroup(record) };
}

/** `rewards/<name>/mean` of each reward function, before its weight. */
function rewardMeans({ rollouts, rewards }: GroupRecord): Partial<StepMeans> {
  const answers = rollouts.flatMap((rollout) => rollout.answers);
  return Object.fromEntries(
    rewards.map(({ name }, f) => [`rewards/${name}/mean`, mean(answers.map((answer) => answer.rewards[f]))]),
  );
}

/**
 * TRL's `kl` to the reference: a mean over tokens of k3 for losses of tokens, a mean over answers of their summed
 * log-ratios for losses of sequences. Undefined without a reference.
 */
function divergence({ level }: GroupObjective, completions: readonly Completion[]): number | undefined {
  if (completions.some(({ refLogps }) => refLogps === undefined)) return undefined;
  const perAnswer = completions.map(({ logps, refLogps }) =>
    logps.map((logp, t) => (level === 'token' ? k3(logp, refLogps![t]).value : logp - refLogps![t])),
  );
  return level === 'token'
    ? mean(perAnswer.flat())
    : mean(perAnswer.map((ratios) => ratios.reduce((sum, ratio) => sum + ratio, 0)));
}

/** What was tried for the first prompt, and what it earned. */
function firstGroup({ rollouts, signals, completions }: GroupRecord) {
  const [{ prompt, answers }] = rollouts;
  const [seen] = groupsOf(signals, completions.length / rollouts.length);
  return {
    index: prompt,
    answers: answers.map(
      ({ text, author, reward }, i): StepCompletion => ({
        text,
        author,
        reward,
        // Opponents that are only compared with are not judged.
        ...(i < seen.length && { signal: seen[i] }),
      }),
    ),
  };
}
