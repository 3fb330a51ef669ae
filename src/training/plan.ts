/** What a run is going to do, after everything that can be refused was refused. */
import type { TrainPlan } from '../engine/engine.ts';
import { prepareBatch } from '../kernels/losses/evaluate.ts';
import { objectiveById } from '../kernels/losses/index.ts';
import { loraSettings } from './checkpoint.ts';
import { checkInputs, fixedRow } from './data.ts';
import { needsReference } from './loss.ts';
import { preflight } from './preflight.ts';
import { runLength } from './schedule.ts';
import type { TrainerOptions } from './trainer.ts';

/** @throws InputError for pairs the objective or the model cannot use; OutOfMemoryError as `preflight`. */
export function planRun({ gpu, policy, adapter, pairs, settings }: TrainerOptions, firstStep: number): TrainPlan {
  const { config, hyperparameters, objective } = settings;
  checkInputs(pairs);
  const nothing = new Float32Array();
  const reference = needsReference(objectiveById(objective)) ? { chosen: nothing, rejected: nothing } : undefined;
  const rows = pairs.map((pair) => fixedRow(pair, reference));
  prepareBatch({ objective, hyperparameters, rows });
  return {
    ...runLength(config, pairs.length),
    firstStep,
    config,
    lora: loraSettings(adapter.plan),
    hyperparameters,
    parameters: adapter.parameterCount,
    trainingBytes: preflight(gpu, policy.config, adapter.plan, pairs, config),
  };
}
