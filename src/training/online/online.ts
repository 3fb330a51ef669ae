/**
 * Losses over answers that the policy samples itself (`losses/families`, groups): every step asks the policy as it
 * stands, several times per prompt, has the answers rewarded, and learns from what the rewards say. One update per
 * sample, so the policy that is updated is the one that answered: all ratios are exactly 1 and their clip never acts.
 */
import type { TrainingConfig } from '../../engine/engine.ts';
import { InputError } from '../../errors.ts';
import type { KernelSpec, Scope, Tensor } from '../../kernels/gpu/index.ts';
import { bucket } from '../../kernels/gpu/pool.ts';
import type { Completion, GroupObjective } from '../../kernels/losses/families/group.ts';
import { scoreHead, scoreHeadBackward } from '../../kernels/score-head/kernel.ts';
import { TOKEN_FLOATS } from '../../kernels/token-loss/kernel.ts';
import {
  generationBytes,
  type LoraPlan,
  type PromptInput,
  type SequenceInput,
  sideBySide,
  type TrainingPass,
} from '../../models/policy/index.ts';
import { trainsCritic } from '../checkpoint.ts';
import type { TokenizedPair } from '../data.ts';
import type {
  FamilyOptions,
  Footprint,
  MicroBatch,
  RecordedMicroBatch,
  StepContext,
  TrainingFamily,
} from '../families/family.ts';
import { groupLossKernels, recordGroupLoss } from './group-loss.ts';
import { groupMetrics } from './metrics.ts';
import {
  drawsOf,
  groupSizeOf,
  type PlacedPrompt,
  type RewardedAnswer,
  type Rollout,
  rewardAnswers,
  sampleAnswers,
} from './rollout.ts';
import type { AnswerSource } from './source.ts';

export class OnlineFamily implements TrainingFamily {
  readonly kernels: readonly KernelSpec[];
  readonly #options: FamilyOptions;
  readonly #objective: GroupObjective;
  readonly #source: AnswerSource;
  readonly #groupSize: number;
  readonly #withReference: boolean;
  readonly #withCritic: boolean;
  readonly #draws: ReturnType<typeof drawsOf>;
  /** Lengths of the longest prompts that are sampled side by side: as many as that, whichever they are, fit as well. */
  readonly #longest: readonly number[];
  /** Of the step under way, by micro-batch. */
  #rollouts: readonly (readonly Rollout[])[] = [];

  /** @throws InputError without a source of answers. */
  constructor(options: FamilyOptions, objective: GroupObjective) {
    const { answers, settings } = options;
    if (!answers) throw new InputError(`${objective.label} samples its own answers and needs a reward for them.`);
    this.#options = options;
    this.#objective = objective;
    this.#source = answers;
    this.#groupSize = groupSizeOf(objective, settings.config);
    this.#draws = drawsOf(objective, this.#groupSize);
    this.#longest = longestPrompts(options, Math.max(...this.#draws.map(({ n }) => n)));
    this.#withReference = needsReference(objective, settings.hyperparameters);
    this.#withCritic = trainsCritic(objective.id);
    const critic = this.#withCritic ? [scoreHead as KernelSpec, scoreHeadBackward as KernelSpec] : [];
    this.kernels = [...groupLossKernels(objective), ...critic];
  }

  check(): void {
    const { pairs, policy, settings } = this.#options;
    const { config } = settings;
    checkGeneration(this.#objective, config);
    for (const [index, { promptIds }] of pairs.entries()) {
      const length = promptIds.length + config.max_completion_length;
      if (length <= policy.config.maxPositions) continue;
      throw new InputError(
        `Prompt ${index + 1} of ${pairs.length} has ${promptIds.length} tokens with its picture and its answers up to ${config.max_completion_length}; this model reads at most ${policy.config.maxPositions}. Lower max_completion_length.`,
        'max_completion_length',
      );
    }
  }

  /** The prompt once, and every answer at its longest. */
  footprint({ promptIds }: TokenizedPair): Footprint {
    const answer = this.#options.settings.config.max_completion_length;
    const tokens = this.#groupSize * answer;
    return { rows: promptIds.length + tokens - this.#groupSize, tokens, answer };
  }

  /** `recordGroupLoss`: at most ten tensors with a row per token, padding included; a critic's gradient of hidden states. */
  lossBytes(prompts: number, longestAnswer: number): number {
    const tokens = prompts * this.#groupSize * longestAnswer;
    const critic = this.#withCritic ? bucket(tokens * this.#options.policy.config.hiddenSize * 4) : 0;
    return 10 * bucket(TOKEN_FLOATS * tokens * 4) + critic;
  }

  /** The longest prompts side by side, and every answer at its longest. */
  beginStepBytes(lora: LoraPlan): number {
    const { policy, settings } = this.#options;
    const { max_completion_length: maxTokens } = settings.config;
    const bytes = this.#draws.map(({ author, n }) => {
      const models = author === 'mixture' ? 2 : 1;
      return generationBytes(policy.config, lora, { promptLengths: this.#longest, n, maxTokens, models });
    });
    return Math.max(...bytes);
  }

  /** Samples the answers of the whole step, as many prompts side by side as may be, and rewards them prompt by prompt. */
  async beginStep({ step, batches, signal }: StepContext): Promise<void> {
    const { policy, adapter, settings } = this.#options;
    const { decode, rewards, stopIds, onProgress } = this.#source;
    const { config } = settings;
    const indices = batches.flat();
    const rollouts: Rollout[] = [];
    while (rollouts.length < indices.length) {
      const first = rollouts.length;
      const beside = indices.slice(first, first + this.#longest.length);
      const prompts: PlacedPrompt[] = [];
      for (const [i, index] of beside.entries()) {
        const place = { seed: config.seed, step, position: first + i };
        prompts.push({ prompt: await this.#prompt(index), place });
      }
      const answers = await sampleAnswers(prompts, this.#draws, { policy, adapter, config, stopIds, signal });
      for (const [i, index] of beside.entries()) {
        rollouts.push(await rewardAnswers(index, answers[i], decode, rewards, signal));
        onProgress?.(rollouts.length, indices.length);
      }
    }
    this.#rollouts = batches.map(({ length }) => rollouts.splice(0, length));
  }

  async microBatch({ scope, index, gradients }: MicroBatch): Promise<RecordedMicroBatch> {
    const { gpu, policy, adapter, settings } = this.#options;
    const objective = this.#objective;
    const rollouts = this.#rollouts[index];
    const groups = rollouts.map((rollout) => trainedOn(objective, rollout));
    const sequences = await this.#sequences(rollouts, groups);

    const refLogps = this.#withReference ? await policy.scoreMany(sequences) : undefined;
    const pass = policy.trainingPass(sequences, adapter);
    try {
      const { logps, starts, scores } = pass;
      const critic = this.#withCritic ? this.#critic(scope, pass) : undefined;
      const wanted = [logps, scores.entropy, ...(critic ? [critic] : [])];
      const [own, entropy, valued] = (await gpu.readAll(wanted)) as Float32Array[];
      const completions = groups.flat().map(
        ({ reward, hasStop }, i): Completion => ({
          logps: [...own.subarray(starts[i], starts[i + 1])],
          ...(valued && valuesOf(valued.subarray(starts[i], starts[i + 1]))),
          ...(refLogps && { refLogps: [...refLogps[i].logps] }),
          reward,
          hasStop,
        }),
      );
      const batch = { groupSize: this.#groupSize, completions };
      const { hyperparameters } = settings;
      const loss = recordGroupLoss(gpu, scope, { objective, hyperparameters, batch, logps, starts });
      const dHidden = critic && this.#criticBackward(scope, pass, loss.dValues!, gradients);
      pass.backward(loss.dLogps, gradients, { dHidden });
      const { partials, signals } = loss;
      const { rewards } = this.#source;
      return {
        tokens: sequences.reduce((sum, { promptIds, responseIds }) => sum + promptIds.length + responseIds.length, 0),
        read: [partials],
        metrics: ([sums]) => groupMetrics({ objective, rollouts, completions, entropy, signals, sums, rewards }),
      };
    } finally {
      pass.dispose();
    }
  }

  /** Value of the position before each token, f32 [tokens]: a linear layer over the policy's own hidden states. */
  #critic(scope: Scope, { hidden }: TrainingPass): Tensor {
    const values = scope.tensor('f32', [hidden.rows], 'values');
    this.#options.gpu.run(scoreHead, { hidden, weights: this.#options.adapter.score, scores: values });
    return values;
  }

  /** Adds the gradient of the critic's layer; returns that of the hidden states. */
  #criticBackward(scope: Scope, { hidden }: TrainingPass, dValues: Tensor, gradients: Tensor): Tensor {
    const { gpu, adapter } = this.#options;
    const d_hidden = scope.tensor('f32', hidden.shape, 'd(hidden) of the critic');
    const d_weights = adapter.scoreGradient(gradients);
    gpu.run(scoreHeadBackward, { hidden, weights: adapter.score, d_scores: dValues, d_hidden, d_weights });
    return d_hidden;
  }

  async #prompt(index: number): Promise<PromptInput & { readonly promptIds: readonly number[] }> {
    const { promptIds, imageTokenId, visual } = this.#options.pairs[index];
    return visual ? { promptIds, imageTokenId, visual: await visual() } : { promptIds };
  }

  async #sequences(
    rollouts: readonly Rollout[],
    groups: readonly (readonly RewardedAnswer[])[],
  ): Promise<SequenceInput[]> {
    const sequences: SequenceInput[] = [];
    for (const [i, { prompt }] of rollouts.entries()) {
      const input = await this.#prompt(prompt);
      sequences.push(...groups[i].map(({ ids }) => ({ ...input, responseIds: ids })));
    }
    return sequences;
  }
}

/** Lengths of the longest prompts that a step may sample at once, `n` answers to each. */
function longestPrompts({ pairs, settings }: FamilyOptions, n: number): number[] {
  const { per_device_train_batch_size, gradient_accumulation_steps, max_completion_length } = settings.config;
  const sorted = pairs
    .toSorted((a, b) => b.promptIds.length - a.promptIds.length)
    .slice(0, per_device_train_batch_size * gradient_accumulation_steps);
  const [longest = []] = sideBySide(sorted, n, max_completion_length);
  return longest.map(({ promptIds }) => promptIds.length);
}

/** The critic's values now, which are those when the answer was sampled. */
const valuesOf = (values: Float32Array): Pick<Completion, 'values' | 'oldValues'> => {
  const numbers = [...values];
  return { values: numbers, oldValues: numbers };
};

/** Whether the loss compares with the frozen reference: a KL without weight does without one. */
const needsReference = ({ needs }: GroupObjective, { beta }: Readonly<Record<string, number>>): boolean =>
  needs.includes('refLogps') && beta !== 0;

/** @throws InputError for settings of sampling that the loss cannot learn from. */
function checkGeneration(objective: GroupObjective, config: TrainingConfig): void {
  const { group, label } = objective;
  const { num_generations: n, temperature } = config;
  if (!group.exact && n < group.size) {
    throw new InputError(
      `${label} needs at least ${group.size} answers per prompt, and num_generations is ${n}: ${group.reason}.`,
      'num_generations',
    );
  }
  if (temperature === 0 && groupSizeOf(objective, config) > 1) {
    throw new InputError(
      `temperature is 0, so all answers to a prompt would be the same, and ${label} learns from how they differ. Choose 1.`,
      'temperature',
    );
  }
}

/**
 * The answers of a group that the loss sees. Nash-MD's opponents are not trained on: each of the policy's answers earns
 * the probability that it beats the mixture's, the logistic function of the difference of their rewards (Bradley-Terry,
 * as TRL takes it from a reward model).
 */
export function trainedOn({ id }: Pick<GroupObjective, 'id'>, { answers }: Rollout): readonly RewardedAnswer[] {
  if (id !== 'nash_md') return answers;
  const half = answers.length / 2;
  return answers.slice(0, half).map((answer, i) => ({
    ...answer,
    reward: 1 / (1 + Math.exp(answers[half + i].reward - answer.reward)),
  }));
}
