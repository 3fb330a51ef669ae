/** What a run is going to do, after everything that can be refused was refused. */
import type { TrainPlan } from '../engine/engine.ts';
import { loraSettings } from './checkpoint.ts';
import { checkInputs } from './data.ts';
import type { TrainingFamily } from './families/family.ts';
import { preflight } from './preflight.ts';
import { runLength } from './schedule.ts';
import type { TrainerOptions } from './trainer.ts';

/** @throws InputError for pairs the objective or the model cannot use; OutOfMemoryError as `preflight`. */
export function planRun(
  { gpu, policy, adapter, pairs, settings }: TrainerOptions,
  family: TrainingFamily,
  firstStep: number,
): TrainPlan {
  const { config, hyperparameters } = settings;
  checkInputs(pairs);
  family.check();
  return {
    ...runLength(config, pairs.length),
    firstStep,
    config,
    lora: loraSettings(adapter.plan),
    hyperparameters,
    parameters: adapter.parameterCount,
    trainingBytes: preflight(gpu, policy.config, adapter.plan, pairs, config, family),
  };
}
