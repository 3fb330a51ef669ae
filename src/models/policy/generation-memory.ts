/** What sampling answers side by side will take, told before anything is allocated. */
import { bucket } from '../../kernels/gpu/pool.ts';
import type { LlamaConfig } from './config.ts';
import { workspaceWidths } from './decoder.ts';
import type { LoraPlan } from './lora.ts';
import { rowBatches } from './row-batches.ts';

export interface GenerationSize {
  /** Tokens of each prompt. */
  readonly promptLengths: readonly number[];
  /** Answers to each. */
  readonly n: number;
  readonly maxTokens: number;
  /** 2 where policy and reference are mixed: each keeps its own keys and values. */
  readonly models: 1 | 2;
}

const f32 = (elements: number): number => bucket(elements * 4);

/** Bytes at the highest, rounded up as the pool does, without weights and adapter. */
export function generationBytes(
  config: LlamaConfig,
  plan: LoraPlan,
  { promptLengths, n, maxTokens, models }: GenerationSize,
): number {
  const { layers, kvHeads, headDim } = config;
  const answers = promptLengths.length * n;
  const keys = promptLengths.reduce((sum, length) => sum + length, 0) + answers * maxTokens;
  const cache = models * layers * 2 * f32(keys * kvHeads * headDim);
  const passes = [...rowBatches(promptLengths, (length) => length)].map((batch) => {
    const rows = batch.reduce((sum, length) => sum + length, 0);
    return passBytes(config, plan, rows, batch.length);
  });
  return cache + Math.max(...passes, passBytes(config, plan, answers, answers));
}

/** One forward pass over `rows`, then the logits of those that were picked. */
function passBytes(config: LlamaConfig, plan: LoraPlan, rows: number, picked: number): number {
  const { hiddenSize, vocabSize } = config;
  const widths = Object.values(workspaceWidths(config)).reduce((sum, width) => sum + f32(rows * width), 0);
  const low = plan.layers[0].reduce((sum, { slices }) => sum + f32(rows * slices.length * plan.rank), 0);
  // Of a prompt also where its picture goes.
  const indices = 3 * f32(rows) + f32(rows * 4) + picked * f32(rows / picked);
  const forward = widths + low + indices + f32(rows);
  const head = f32(picked) + 2 * f32(picked * hiddenSize) + f32(picked * vocabSize);
  return f32(rows * hiddenSize) + Math.max(forward, head);
}
