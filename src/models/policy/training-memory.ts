/** What a training step will take, told before anything is allocated. */
import { bucket } from '../../kernels/gpu/pool.ts';
import { headParts, headSlab } from '../../kernels/head-logprob/kernel.ts';
import type { LlamaConfig } from './config.ts';
import { workspaceWidths } from './decoder.ts';
import { backwardWidths } from './layer-backward.ts';
import { layoutScore, type SequenceInput } from './layout.ts';
import { dropoutWidth, type LoraPlan } from './lora.ts';

export interface TrainingBytes {
  /** The adapter's parameters; gradients and each moment of the optimiser take the same again. */
  readonly adapter: number;
  /** Layer inputs, kept from the forward to the backward pass. */
  readonly kept: number;
  /** Highest of everything alive at once in a forward and backward pass, `kept` included, without the adapter. */
  readonly activations: number;
  /** The largest single buffer, which must not exceed the device's `maxStorageBufferBindingSize`. */
  readonly largestBuffer: { readonly label: string; readonly bytes: number };
}

/** Rows of the decoder and response tokens of one micro-batch; shared prompts count once. */
export function trainingSize(sequences: readonly SequenceInput[]): { rows: number; tokens: number } {
  const { ids, targets } = layoutScore(sequences);
  return { rows: ids.length, tokens: targets.length };
}

/**
 * Bytes for one micro-batch of `rows` decoder rows and `tokens` response tokens, rounded up as the pool does.
 * @param divergence whether the loss compares whole next-token distributions with the reference's.
 */
export function trainingBytes(
  config: LlamaConfig,
  plan: LoraPlan,
  rows: number,
  tokens: number,
  divergence = false,
): TrainingBytes {
  const { hiddenSize, layers, kvHeads, headDim, vocabSize } = config;
  let largestBuffer = { label: '', bytes: 0 };
  const f32 = (label: string, elements: number): number => {
    const bytes = bucket(elements * 4);
    if (bytes > largestBuffer.bytes) largestBuffer = { label, bytes };
    return bytes;
  };
  const rowsOf = (widths: Readonly<Record<string, number>>): number =>
    Object.entries(widths).reduce((sum, [label, width]) => sum + f32(label, rows * width), 0);

  const adapter = f32('LoRA parameters', plan.size);
  const low = plan.layers[0].reduce((sum, { slices }) => sum + f32('x Aᵀ', rows * slices.length * plan.rank), 0);
  const dropped = dropoutWidth(plan) > 0 ? f32('dropped inputs', rows * dropoutWidth(plan)) : 0;
  const keyValues = 2 * f32('keys', rows * kvHeads * headDim);
  const stream = f32('residual stream', rows * hiddenSize);
  const indices = f32('ids', rows) * 3 + f32('spans', rows * 4) + f32('seen by', rows * 2);
  const workspace = rowsOf(workspaceWidths(config)) + low + dropped + keyValues + indices;
  const kept = layers * stream;

  const parts = headParts(vocabSize);
  const hidden = f32('hidden', tokens * hiddenSize);
  const scores = 8 * f32('logps', tokens);
  const headForward = f32('partials', parts * tokens * 4) + f32('partial top', parts * tokens);
  const headBackward = f32('d(logits)', tokens * headSlab(vocabSize)) + 2 * hidden;
  const backward = rowsOf(backwardWidths(config)) + low;
  // Both models' hidden states stay until the backward pass; the reference's forward pass runs beside the kept rows.
  const both = divergence ? f32('hidden of both models', 2 * tokens * hiddenSize) + 4 * f32('lse', tokens) : 0;
  const divergenceForward = divergence ? f32('divergence partials', 2 * parts * tokens * 4) + hidden : 0;

  const phases = [
    kept + stream + workspace,
    kept + stream + 2 * hidden + scores + headForward,
    kept + stream + 2 * hidden + scores + both + Math.max(divergenceForward, divergence ? workspace : 0),
    kept + stream + 2 * hidden + scores + both + headBackward,
    kept + stream + 2 * hidden + scores + both + workspace + backward,
  ];
  return { adapter, kept, activations: Math.max(...phases), largestBuffer };
}
