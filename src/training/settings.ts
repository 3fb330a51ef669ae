/** Everything a run is configured with, resolved: what a checkpoint carries and a new run starts from. */
import type { LoraSettings, TrainingConfig, TrainRequest } from '../engine/engine.ts';
import { InputError } from '../errors.ts';
import { resolveHyperparameters } from '../kernels/losses/evaluate.ts';
import { objectiveById } from '../kernels/losses/index.ts';
import { resolveLora, resolveTrainingConfig } from './config.ts';

export interface RunSettings {
  readonly objective: string;
  /** Every hyperparameter, aliases translated. */
  readonly hyperparameters: Readonly<Record<string, number>>;
  readonly config: TrainingConfig;
  readonly lora: LoraSettings;
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
    const { objective, hyperparameters, config, lora } = resume;
    return { objective, hyperparameters, config: resolveTrainingConfig(config), lora: resolveLora(lora) };
  }
  return {
    objective: id,
    hyperparameters: resolveHyperparameters(objectiveById(id), request.hyperparameters ?? {}),
    config: resolveTrainingConfig(request.config),
    lora: resolveLora(request.lora),
  };
}
