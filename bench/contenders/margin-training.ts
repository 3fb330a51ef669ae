/** Training as the page does it: the trainer, from tokens to AdamW, with its one read-back per step. */
import type { StepMetrics } from '../../src/engine/engine.ts';
import type { Gpu } from '../../src/kernels/gpu/index.ts';
import { Policy } from '../../src/models/policy/index.ts';
import { Safetensors } from '../../src/models/weights/safetensors.ts';
import { writeSafetensors } from '../../src/models/weights/safetensors-write.ts';
import { runSettings } from '../../src/training/settings.ts';
import { Trainer } from '../../src/training/trainer.ts';
import type { TrainingCase } from '../cases.ts';
import type { Contender } from '../contender.ts';
import { DPO_BETA, LORA, OPTIMIZER, type TrainingInputs } from '../training-inputs.ts';

/** More steps than will ever be timed. */
const ENDLESS = 1_000_000;

export async function marginTraining(gpu: Gpu, { steps }: TrainingCase, inputs: TrainingInputs): Promise<Contender> {
  const { config, weights, adapter: matrices, promptIds, chosenIds, rejectedIds } = inputs;
  const policy = await Policy.load(gpu, config, Safetensors.parse(writeSafetensors(weights), 'random weights'));
  const adapter = policy.createAdapter(LORA);
  adapter.write(matrices);
  const settings = runSettings({
    objective: 'dpo_sigmoid',
    hyperparameters: { beta: DPO_BETA },
    lora: { r: LORA.r, lora_alpha: LORA.alpha },
    config: {
      ...OPTIMIZER,
      ...{ per_device_train_batch_size: 1, lr_scheduler_type: 'constant', max_steps: ENDLESS, save_steps: 0 },
    },
  });
  const pairs = [{ key: 'pair', promptIds, chosenIds, rejectedIds }];
  const trainer = new Trainer({ gpu, policy, adapter, pairs, settings });
  const events = trainer.run();
  const step = async (): Promise<StepMetrics> => {
    for (;;) {
      const { value, done } = await events.next();
      if (done) throw new Error('Training ended.');
      if (value.type === 'step') return value.metrics;
    }
  };
  const trajectory: number[] = [];
  const run = async () => {
    const { loss, grad_norm } = await step();
    trajectory.push(loss, grad_norm);
  };
  // The protocol's own first run is the last of the compared steps.
  for (let i = 1; i < steps; i++) await run();
  return {
    run,
    sync: () => gpu.idle(),
    result: async () => trajectory.slice(0, 2 * steps),
    async dispose() {
      await events.return(undefined);
      trainer.dispose();
      adapter.dispose();
      policy.dispose();
      gpu.pool.trim();
    },
  };
}
