/**
 * What is measured, and at which sizes. A software adapter gets small sizes: its whole run stays under five minutes,
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

export type Case = HeadCase | LinearCase | LossCase;

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

const count = new Intl.NumberFormat('en');

/** One line that names the case. */
export function title(item: Case): string {
  if (item.kind === 'head') {
    return `head to token log-probabilities: ${item.tokens} tokens x ${item.width} x ${count.format(item.vocab)}`;
  }
  if (item.kind === 'linear') return `linear: ${item.rows} x ${item.width} x ${count.format(item.out)} (${item.note})`;
  return `preference loss: ${count.format(item.pairs)} pair${item.pairs === 1 ? '' : 's'}`;
}
