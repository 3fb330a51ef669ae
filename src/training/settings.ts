/** Everything a run is configured with, resolved: what a checkpoint carries and a new run starts from. */
import type { LoraSettings, RewardChoice, TrainingConfig, TrainRequest } from '../engine/engine.ts';
import { InputError } from '../errors.ts';
import { samplesAnswers, taggedLoss } from '../kernels/losses/families/every.ts';
import { resolveHyperparameters } from '../kernels/losses/hyperparameters.ts';
import { resolveLora, resolveTrainingConfig, trainingDefaults } from './config.ts';
import { rewardWeights } from './online/rewards.ts';

export interface RunSettings {
  readonly objective: string;
  /** Every hyperparameter, aliases translated. */
  readonly hyperparameters: Readonly<Record<string, number>>;
  readonly config: TrainingConfig;
  readonly lora: LoraSettings;
  /** Weights of the rewards of sampled answers; absent for losses that sample none. */
  readonly reward?: RewardChoice;
}

/**
 * Settings of a request. A resumed run keeps those of its checkpoint: other settings would be another trajectory.
 * @throws InputError naming what cannot be used.
 */
export function runSettings(request: Omit<TrainRequest, 'pairs'>): RunSettings {
  const { objective: id, resume, stopAfter } = request;
  if (stopAfter !== undefined && !(Number.isInteger(stopAfter) && stopAfter >= 1)) {
    throw new InputError(`stopAfter is ${stopAfter}; it must be a whole number of at least 1.`, 'stopAfter');
  }
  if (resume) {
    if (resume.objective !== id) {
      throw new InputError(
        `The checkpoint was trained with "${resume.objective}", not "${id}". Start a new run to change the objective.`,
        'objective',
      );
    }
    const { objective, hyperparameters, config, lora, reward } = resume;
    return {
      objective,
      hyperparameters,
      config: resolveTrainingConfig(config),
      lora: resolveLora(lora),
      ...(reward && { reward: rewardWeights(reward) }),
    };
  }
  const tagged = taggedLoss(id);
  if (!tagged) throw new InputError(`There is no objective "${id}".`, 'objective');
  return {
    objective: id,
    hyperparameters: resolveHyperparameters(tagged.loss, request.hyperparameters ?? {}),
    config: resolveTrainingConfig(request.config, trainingDefaults(id)),
    lora: resolveLora(request.lora),
    ...rewardOf(request),
  };
}

/** @throws InputError for a reward that cannot be used, or that nothing would earn. */
function rewardOf({ objective, reward }: Pick<TrainRequest, 'objective' | 'reward'>): Pick<RunSettings, 'reward'> {
  if (samplesAnswers(objective)) return { reward: rewardWeights(reward ?? 'clip') };
  if (reward === undefined) return {};
  throw new InputError(`"${objective}" learns from the answers it is given and samples none to reward.`, 'reward');
}
