/** What a run is going to do, after everything that can be refused was refused. */
import type { TrainPlan } from '../engine/engine.ts';
import { EngineError } from '../errors.ts';
import type { LoraAdapter, LoraPlan } from '../models/policy/index.ts';
import { loraSettings } from './checkpoint.ts';
import { checkInputs } from './data.ts';
import type { TrainingFamily } from './families/family.ts';
import { trainingFamily } from './families/index.ts';
import { preflight } from './preflight.ts';
import { runLength } from './schedule.ts';
import type { TrainerOptions } from './trainer.ts';

/** A run without its adapter: nothing of it stands on the GPU. */
type Intended = Omit<TrainerOptions, 'adapter' | 'references'>;

/**
 * The plan of a run that nobody has started, by the very code that plans one that starts.
 * @throws InputError and OutOfMemoryError as `planRun`.
 */
export function foretell(intended: Intended, lora: LoraPlan, firstStep: number): TrainPlan {
  const family = trainingFamily({
    ...intended,
    references: new Map(),
    // Families touch their adapter in a micro-batch, and there will be none.
    get adapter(): LoraAdapter {
      throw new EngineError('A run that is only planned has no adapter.');
    },
  });
  const adapter = { plan: lora, parameterCount: lora.parameterCount };
  return planRun({ ...intended, adapter }, family, firstStep);
}

/** @throws InputError for pairs the objective or the model cannot use; OutOfMemoryError as `preflight`. */
export function planRun(
  {
    gpu,
    policy,
    adapter,
    pairs,
    settings,
  }: Intended & { readonly adapter: Pick<LoraAdapter, 'plan' | 'parameterCount'> },
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
