/**
 * Answers for a step, sampled from the policy as it stands. The seed of every draw follows from the run's seed, the step
 * and the place in it, so a resumed run samples what the uninterrupted one would have.
 */
import type { TrainingConfig } from '../../engine/engine.ts';
import type { GroupObjective } from '../../kernels/losses/families/group.ts';
import type { LoraAdapter, Policy, PromptInput } from '../../models/policy/index.ts';
import { Random } from '../../toybox/random.ts';
import type { RewardFunction } from './rewards.ts';

/** Who writes an answer: the policy, the frozen reference, or the geometric mixture of both. */
export type Author = 'policy' | 'reference' | 'mixture';

/** Answers of one author to one prompt. */
interface Draw {
  readonly author: Author;
  readonly n: number;
}

/** TRL's `mixture_coef` of Nash-MD: the reference's share. */
const MIXTURE_COEF = 0.5;

/** How many answers the loss sees to each prompt: `num_generations`, but for losses that compare exactly two. */
export const groupSizeOf = ({ group }: GroupObjective, { num_generations }: TrainingConfig): number =>
  group.exact ? group.size : num_generations;

/** Who answers each prompt, in the order of the group. */
export function drawsOf({ id }: Pick<GroupObjective, 'id'>, groupSize: number): readonly Draw[] {
  if (id === 'xpo') return ['policy', 'reference'].map((author) => ({ author, n: 1 }) as Draw);
  if (id === 'nash_md') return ['policy', 'mixture'].map((author) => ({ author, n: groupSize }) as Draw);
  return [{ author: 'policy', n: groupSize }];
}

/** Where a rollout stands in its run. */
export interface RolloutPlace {
  /** Of the run. */
  readonly seed: number;
  /** Optimiser steps before this one. */
  readonly step: number;
  /** Of the prompt within the step. */
  readonly position: number;
}

/** Prompts of one step at most, for seeds that do not repeat. */
const MOST_PROMPTS = 2 ** 12;

const drawSeed = ({ seed, step, position }: RolloutPlace, draw: number): number =>
  Math.floor(new Random(seed, (step * MOST_PROMPTS + position) * 2 + draw).next() * 2 ** 32);

export interface SampledAnswer {
  readonly author: Author;
  /** Its tokens, the end token included where it ended itself. */
  readonly ids: readonly number[];
  /** 1: it ended itself; 0: it was cut off at `max_completion_length`. */
  readonly hasStop: 0 | 1;
}

export interface RolloutOptions {
  readonly policy: Policy;
  readonly adapter: LoraAdapter;
  readonly config: TrainingConfig;
  readonly stopIds: readonly number[];
  readonly signal?: AbortSignal;
}

/** A prompt of a step, and where it stands. */
export interface PlacedPrompt {
  readonly prompt: PromptInput;
  readonly place: RolloutPlace;
}

/**
 * Samples the answers to every prompt, all prompts side by side, author by author. A prompt's answers depend on its
 * place and not on the prompts beside it.
 * @returns per prompt, its answers in the order of the draws.
 * @throws InputError as `Policy.generate`; OutOfMemoryError; CancelledError between tokens.
 */
export async function sampleAnswers(
  prompts: readonly PlacedPrompt[],
  draws: readonly Draw[],
  { policy, adapter, config, stopIds, signal }: RolloutOptions,
): Promise<SampledAnswer[][]> {
  const all = prompts.map((): SampledAnswer[] => []);
  for (const [draw, { author, n }] of draws.entries()) {
    const answers = prompts.map(() =>
      Array.from({ length: n }, () => ({ author, ids: [] as number[], hasStop: 0 as 0 | 1 })),
    );
    const tokens = policy.generate({
      prompts: prompts.map(({ prompt, place }) => ({ ...prompt, seed: drawSeed(place, draw) })),
      n,
      temperature: config.temperature,
      topP: config.top_p,
      maxTokens: config.max_completion_length,
      stopIds,
      signal,
      ...(author !== 'reference' && { adapter }),
      ...(author === 'mixture' && { mixtureCoef: MIXTURE_COEF }),
    });
    for await (const { prompt, index, id, finished } of tokens) {
      const answer = answers[prompt][index];
      answer.ids.push(id);
      if (finished === 'stop') answer.hasStop = 1;
    }
    for (const [prompt, own] of answers.entries()) all[prompt].push(...own);
  }
  return all;
}

/** An answer with what it earned. */
export interface RewardedAnswer extends SampledAnswer {
  readonly text: string;
  /** The weighted sum. */
  readonly reward: number;
  /** Of each reward function, before its weight. */
  readonly rewards: readonly number[];
}

/** All answers to one prompt. */
export interface Rollout {
  /** Number of the prompt. */
  readonly prompt: number;
  readonly answers: readonly RewardedAnswer[];
}

/** Asks every reward function about the answers to one prompt. @throws CancelledError, and what a reward throws. */
export async function rewardAnswers(
  prompt: number,
  answers: readonly SampledAnswer[],
  decode: (ids: readonly number[]) => string,
  functions: readonly RewardFunction[],
  signal: AbortSignal | undefined,
): Promise<Rollout> {
  const texts = answers.map(({ ids }) => decode(ids));
  const columns: (readonly number[])[] = [];
  for (const each of functions) columns.push(await each.score(prompt, texts, signal));
  return {
    prompt,
    answers: answers.map((answer, i) => {
      const rewards = columns.map((column) => column[i]);
      const reward = rewards.reduce((sum, value, f) => sum + functions[f].weight * value, 0);
      return { ...answer, text: texts[i], reward, rewards };
    }),
  };
}
