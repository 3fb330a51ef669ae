/** The adapter in the worker: made by training, imported, restored, exported, taken away. */
import { InputError } from '../../errors.ts';
import { exportPeft, importPeft, LoraAdapter, matricesFor } from '../../models/policy/index.ts';
import { installCheckpoint, loraConfig, loraSettings } from '../../training/checkpoint.ts';
import type { AdapterFacts, TrainingCheckpoint } from '../engine.ts';
import { dropAdapter, type EngineHost, type HostAdapter, requireVlm } from './host.ts';

/** What is known of the active adapter. */
export function adapterFacts({ adapter }: EngineHost): AdapterFacts | null {
  if (!adapter) return null;
  const { lora, step, origin } = adapter;
  const facts = { lora: loraSettings(lora.plan), parameters: lora.parameterCount, step, origin };
  return lora.plan.config.score ? { ...facts, rewardModel: true } : facts;
}

/** A ZIP of a PEFT folder. @throws {InputError} without an adapter. */
export async function exportAdapter(host: EngineHost): Promise<Uint8Array<ArrayBuffer>> {
  if (!host.adapter) throw new InputError('There is no adapter to export: train one, or import one, first.');
  const { lora } = host.adapter;
  const { vlm } = requireVlm(host);
  return exportPeft(lora.plan, await lora.read(), vlm.base);
}

/** @throws {InputError} when the bytes are no LoRA adapter for this model; the active one then stays. */
export async function importAdapter(host: EngineHost, bytes: Uint8Array): Promise<AdapterFacts> {
  const { gpu, vlm } = requireVlm(host);
  const peft = await importPeft(bytes);
  const plan = vlm.policy.planLora({ ...peft.lora, seed: 0 });
  const matrices = matricesFor(plan, peft);
  const lora = new LoraAdapter(gpu, plan);
  lora.write(matrices);
  const facts = install(host, { lora, step: 0, origin: 'imported' });
  return peft.notices.length > 0 ? { ...facts, notices: peft.notices } : facts;
}

/** Puts the adapter of a checkpoint to work. @throws {InputError} when it belongs to another model. */
export async function restoreAdapter(host: EngineHost, checkpoint: TrainingCheckpoint): Promise<AdapterFacts> {
  const { gpu, vlm } = requireVlm(host);
  const lora = new LoraAdapter(gpu, vlm.policy.planLora(loraConfig(checkpoint)));
  try {
    installCheckpoint(gpu, lora, checkpoint);
  } catch (error) {
    lora.dispose();
    throw error;
  }
  return install(host, { lora, step: checkpoint.step, origin: 'trained' });
}

/** Replaces the adapter at work. */
export function install(host: EngineHost, adapter: HostAdapter): AdapterFacts {
  if (host.adapter?.lora !== adapter.lora) dropAdapter(host);
  host.adapter = adapter;
  return adapterFacts(host)!;
}
