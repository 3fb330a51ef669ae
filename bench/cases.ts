/**
 * What is measured, and at which sizes. A software adapter gets small sizes: its whole run stays under six minutes,
 * and its numbers say more about operation counts than about GPUs.
 */

/** Hidden states to token log-probabilities. */
export interface HeadCase {
  readonly kind: 'head';
  readonly tokens: number;
  readonly width: number;
  readonly vocab: number;
}

/** y = x Wᵀ. `few`: the shape of decoding, one row per answer. */
export interface LinearCase {
  readonly kind: 'linear';
  readonly rows: number;
  readonly width: number;
  readonly out: number;
  readonly few?: boolean;
  readonly note: string;
}

/** A preference loss over pairs, from rows of numbers to per-pair losses, gradients and batch means. */
export interface LossCase {
  readonly kind: 'loss';
  readonly pairs: number;
}

/** Hidden states to token log-probabilities, and back to the gradient of the hidden states. */
export interface HeadGradientCase {
  readonly kind: 'headGradient';
  readonly tokens: number;
  readonly width: number;
  readonly vocab: number;
}

/** Causal grouped-query attention of one sequence, forward and backward. */
export interface AttentionCase {
  readonly kind: 'attention';
  readonly tokens: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** One step of DPO on one pair: LoRA on every linear layer, gradient norm clipped, AdamW. */
export interface TrainingCase {
  readonly kind: 'training';
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly intermediateSize: number;
  readonly vocabSize: number;
  /** Tokens of the prompt, and of each of the two answers. */
  readonly prompt: number;
  readonly answer: number;
  /** Steps over which every contender's losses and gradient norms must agree. */
  readonly steps: number;
  /** What was made smaller for a software adapter. */
  readonly reduced?: string;
}

export type Case = HeadCase | LinearCase | LossCase | HeadGradientCase | AttentionCase | TrainingCase;

/** SmolLM2-135M, with two sequences of 160 tokens. */
const SMOLLM2_135M: TrainingCase = {
  kind: 'training',
  hiddenSize: 576,
  layers: 30,
  heads: 9,
  kvHeads: 3,
  headDim: 64,
  intermediateSize: 1536,
  vocabSize: 49152,
  prompt: 80,
  answer: 80,
  steps: 20,
};

const attentionOf = (tokens: number): AttentionCase => {
  const { heads, kvHeads, headDim } = SMOLLM2_135M;
  return { kind: 'attention', tokens, heads, kvHeads, headDim };
};

const LOSSES: readonly LossCase[] = [1, 16, 256, 1024, 4096].map((pairs) => ({ kind: 'loss', pairs }));

const SOFTWARE: readonly Case[] = [
  { kind: 'head', tokens: 32, width: 96, vocab: 4096 },
  { kind: 'head', tokens: 32, width: 576, vocab: 8192 },
  { kind: 'head', tokens: 8, width: 576, vocab: 49280 },
  { kind: 'linear', rows: 256, width: 256, out: 256, note: 'square' },
  { kind: 'linear', rows: 64, width: 576, out: 576, note: 'attention projection' },
  { kind: 'linear', rows: 64, width: 576, out: 1536, note: 'MLP up' },
  { kind: 'linear', rows: 64, width: 1536, out: 576, note: 'MLP down' },
  { kind: 'linear', rows: 64, width: 576, out: 8, note: 'LoRA A, rank 8' },
  { kind: 'linear', rows: 64, width: 8, out: 576, note: 'LoRA B, rank 8' },
  { kind: 'linear', rows: 1, width: 576, out: 1536, few: true, note: 'decoding, one token' },
  ...LOSSES,
  ...[64, 128, 256].map(attentionOf),
  { kind: 'headGradient', tokens: 32, width: 96, vocab: 4096 },
  { kind: 'headGradient', tokens: 16, width: 576, vocab: 8192 },
  {
    ...SMOLLM2_135M,
    layers: 2,
    vocabSize: 2048,
    prompt: 16,
    answer: 16,
    reduced: '2 of 30 layers, 2,048 of 49,152 vocabulary entries, 2 x 32 of 2 x 160 tokens',
  },
];

const HARDWARE: readonly Case[] = [
  { kind: 'head', tokens: 64, width: 576, vocab: 49280 },
  { kind: 'head', tokens: 341, width: 576, vocab: 49280 },
  { kind: 'head', tokens: 1024, width: 576, vocab: 49280 },
  { kind: 'head', tokens: 2048, width: 960, vocab: 49280 },
  { kind: 'linear', rows: 512, width: 512, out: 512, note: 'square' },
  { kind: 'linear', rows: 1024, width: 1024, out: 1024, note: 'square' },
  { kind: 'linear', rows: 2048, width: 2048, out: 2048, note: 'square' },
  { kind: 'linear', rows: 4096, width: 4096, out: 4096, note: 'square' },
  { kind: 'linear', rows: 341, width: 576, out: 576, note: 'attention projection' },
  { kind: 'linear', rows: 341, width: 576, out: 1536, note: 'MLP up' },
  { kind: 'linear', rows: 341, width: 1536, out: 576, note: 'MLP down' },
  { kind: 'linear', rows: 341, width: 576, out: 16, note: 'LoRA A, rank 16' },
  { kind: 'linear', rows: 341, width: 16, out: 576, note: 'LoRA B, rank 16' },
  { kind: 'linear', rows: 1, width: 576, out: 1536, few: true, note: 'decoding, one token' },
  { kind: 'linear', rows: 1, width: 576, out: 49280, few: true, note: 'head, one token' },
  ...LOSSES,
  ...[128, 256, 512, 1024, 2048].map(attentionOf),
  ...[64, 341, 1024].map((tokens): HeadGradientCase => ({ kind: 'headGradient', tokens, width: 576, vocab: 49152 })),
  SMOLLM2_135M,
];

export function casesFor(isFallback: boolean): readonly Case[] {
  return isFallback ? SOFTWARE : HARDWARE;
}

/** Floating-point operations of one run; 0 where the count would say nothing. */
export function flops(item: Case): number {
  if (item.kind === 'head') return 2 * item.tokens * item.width * item.vocab;
  if (item.kind === 'linear') return 2 * item.rows * item.width * item.out;
  return 0;
}

/** Tokens of one training step, both sequences with their prompts; 0 for other cases. */
export function tokens(item: Case): number {
  return item.kind === 'training' ? 2 * (item.prompt + item.answer) : 0;
}

const count = new Intl.NumberFormat('en');

/** Steps whose losses and gradient norms are compared; 0 for other cases. */
export function steps(item: Case): number {
  return item.kind === 'training' ? item.steps : 0;
}

/** One line that names the case. */
export function title(item: Case): string {
  if (item.kind === 'head') {
    return `head to token log-probabilities: ${item.tokens} tokens x ${item.width} x ${count.format(item.vocab)}`;
  }
  if (item.kind === 'linear') return `linear: ${item.rows} x ${item.width} x ${count.format(item.out)} (${item.note})`;
  if (item.kind === 'headGradient') {
    return `head log-probabilities, forward and backward: ${item.tokens} tokens x ${item.width} x ${count.format(item.vocab)}`;
  }
  if (item.kind === 'attention') {
    const { tokens, heads, kvHeads, headDim } = item;
    return `causal attention, forward and backward: ${count.format(tokens)} tokens, ${heads}/${kvHeads} heads of ${headDim}`;
  }
  if (item.kind === 'training') {
    const { hiddenSize, layers, heads, kvHeads, intermediateSize, vocabSize, prompt, answer, reduced } = item;
    const model = `${hiddenSize} wide, ${layers} layers, ${heads}/${kvHeads} heads, MLP ${count.format(intermediateSize)}, vocabulary ${count.format(vocabSize)}`;
    const note = reduced ? `; REDUCED for a software adapter: ${reduced}` : '';
    return `LoRA-DPO step at the SmolLM2-135M shape: ${model}, 2 x ${prompt + answer} tokens (prompt ${prompt})${note}`;
  }
  return `preference loss: ${count.format(item.pairs)} pair${item.pairs === 1 ? '' : 's'}`;
}
