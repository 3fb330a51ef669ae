/** The PyTorch and PEFT runs of `tests/golden/make_trajectory_golden.py`, and a trainer set up like them. */
import type { LoraSettings, StepMetrics, TrainEvent, TrainingConfig } from '../../src/engine/engine.ts';
import type { Gpu } from '../../src/kernels/gpu/index.ts';
import { importPeft, type LoraAdapter, matricesFor, type Policy } from '../../src/models/policy/index.ts';
import { Safetensors } from '../../src/models/weights/safetensors.ts';
import { loraSettings } from '../../src/training/checkpoint.ts';
import { resolveTrainingConfig } from '../../src/training/config.ts';
import type { TokenizedPair } from '../../src/training/data.ts';
import type { AnswerSource } from '../../src/training/online/source.ts';
import { runSettings } from '../../src/training/settings.ts';
import { Trainer } from '../../src/training/trainer.ts';
import { unzip } from '../../src/zip.ts';
import { loadGolden } from './decoder-golden.ts';
import { sharedGpu } from './shared-gpu.ts';

type GoldenStep = StepMetrics & { readonly pairs: number[] };

export interface TrajectoryGolden {
  readonly settings: TrainingConfig;
  readonly lora: Pick<LoraSettings, 'r' | 'lora_alpha'>;
  readonly pairs: { prompt_ids: number[]; chosen_ids: number[]; rejected_ids: number[] }[];
  /** Per pair: token log-probabilities of the chosen and the rejected answer. */
  readonly reference: [number[], number[]][];
  readonly trained: [number[], number[]][];
  /** Per pair: scores of the chosen and the rejected answer under the reward model. */
  readonly scores: Record<'initial' | 'trained', [number, number][]>;
  readonly runs: Record<string, { hyperparameters: Record<string, number>; steps: GoldenStep[] }>;
}

export interface Trajectory {
  readonly gpu: Gpu;
  readonly policy: Policy;
  readonly golden: TrajectoryGolden;
  readonly pairs: readonly TokenizedPair[];
  /** For losses that sample their own answers. */
  readonly answers?: AnswerSource;
}

const fetchFile = (name: string) => fetch(new URL(`../golden/trajectory/${name}`, import.meta.url));

export const peftZip = async (name: 'initial' | 'trained' | 'initial-reward' | 'trained-reward'): Promise<Uint8Array> =>
  new Uint8Array(await (await fetchFile(`${name}.zip`)).arrayBuffer());

export async function loadTrajectory(): Promise<Trajectory> {
  const gpu = await sharedGpu();
  const { policy } = await loadGolden(gpu, 'tied');
  await policy.prepareTraining();
  const golden = (await (await fetchFile('golden.json')).json()) as TrajectoryGolden;
  const pairs = golden.pairs.map(({ prompt_ids, chosen_ids, rejected_ids }, index) => ({
    key: `pair ${index}`,
    promptIds: prompt_ids,
    chosenIds: chosen_ids,
    rejectedIds: rejected_ids,
  }));
  return { gpu, policy, golden, pairs };
}

/** What stands in a PEFT folder. */
export async function peftFiles(bytes: Uint8Array): Promise<{ config: Record<string, unknown>; weights: Safetensors }> {
  const files = await unzip(new Blob([new Uint8Array(bytes)]));
  const name = 'adapter_model.safetensors';
  return {
    config: JSON.parse(new TextDecoder().decode(files.get('adapter_config.json'))),
    weights: Safetensors.parse(files.get(name)!, name),
  };
}

/** The adapter of a PEFT folder. */
export async function peftAdapter(policy: Policy, bytes: Uint8Array): Promise<LoraAdapter> {
  const peft = await importPeft(bytes);
  const adapter = policy.createAdapter({ ...peft.lora, seed: 0 });
  adapter.write(matricesFor(adapter.plan, peft));
  return adapter;
}

export interface Run {
  readonly objective?: string;
  readonly hyperparameters?: Record<string, number>;
  readonly config?: Partial<TrainingConfig>;
}

/** A trainer over the golden pairs, from the golden adapter. */
export function trainerFor(
  { gpu, policy, golden, pairs, answers }: Trajectory,
  adapter: LoraAdapter,
  { objective = 'dpo_sigmoid', hyperparameters = {}, config = {} }: Run = {},
  resume?: ConstructorParameters<typeof Trainer>[1],
): Trainer {
  const settings = resume
    ? runSettings({ objective, resume })
    : {
        ...runSettings({ objective, hyperparameters, lora: loraSettings(adapter.plan) }),
        config: resolveTrainingConfig({ ...golden.settings, save_steps: 0, ...config }),
      };
  return new Trainer({ gpu, policy, adapter, pairs, settings, answers }, resume);
}

export interface Collected {
  readonly events: TrainEvent[];
  readonly error?: Error;
}

/** Everything a run yields, and what it threw. */
export async function collect(run: AsyncIterable<TrainEvent>): Promise<Collected> {
  const events: TrainEvent[] = [];
  try {
    for await (const event of run) events.push(event);
    return { events };
  } catch (error) {
    return { events, error: error as Error };
  }
}

export const metricsOf = (events: readonly TrainEvent[]): StepMetrics[] =>
  events.flatMap((event) => (event.type === 'step' ? [event.metrics] : []));

/** The last checkpoint of a run. */
export function checkpointOf(events: readonly TrainEvent[]) {
  const last = events.findLast((event) => event.type === 'checkpoint');
  if (last?.type !== 'checkpoint') throw new Error('the run left no checkpoint');
  return last.checkpoint;
}
