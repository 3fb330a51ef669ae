/**
 * Runs fuzz cases one at a time, for `tools/fuzz.mjs`, which watches from outside: a case that hangs or takes the page
 * down with it cannot say so itself.
 */
import { Random } from '../../src/toybox/random.ts';
import { turns } from '../support/until.ts';
import { type Target, unfitError } from './target.ts';
import { consoleArguments } from './targets/console.ts';
import { adapters, archives, checkpoints, packedFiles, pictures, tensors } from './targets/files.ts';
import { modelConfigs, tokenizers } from './targets/models.ts';
import { links, stored, workspaces } from './targets/pages.ts';
import { texts } from './targets/text.ts';

const TARGETS: readonly Target<never>[] = [
  pictures,
  tensors,
  archives,
  adapters,
  checkpoints,
  packedFiles,
  modelConfigs,
  tokenizers,
  texts,
  links,
  workspaces,
  stored,
  consoleArguments,
] as unknown as Target<never>[];

export interface CaseResult {
  readonly outcome: 'accepted' | 'refused' | 'failed';
  readonly ms: number;
  /** Why it was refused, or what failed. */
  readonly reason?: string;
}

const seedsOf = new Map<string, Promise<readonly never[]>>();

/** A whole number that tells targets apart. */
const streamOf = (name: string): number => [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) | 0, 7);

/** The input of a case: every tenth is a seed as it is. */
async function inputOf(target: Target<never>, seed: number, index: number): Promise<never> {
  const random = new Random(seed + index * 7919, streamOf(target.name));
  if (!seedsOf.has(target.name)) seedsOf.set(target.name, target.seeds());
  const seeds = await seedsOf.get(target.name)!;
  const chosen = seeds[random.below(seeds.length)];
  return index % 10 === 0 ? chosen : target.mutate(chosen, random);
}

/** Errors that nobody caught while a case ran. */
const loose: unknown[] = [];
addEventListener('error', ({ error, message }) => loose.push(error ?? message));
addEventListener('unhandledrejection', ({ reason }) => loose.push(reason));

const wordsOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

async function run(name: string, seed: number, index: number): Promise<CaseResult> {
  const target = TARGETS.find((each) => each.name === name)!;
  const input = await inputOf(target, seed, index);
  loose.length = 0;
  const start = performance.now();
  const ended = (outcome: CaseResult['outcome'], reason?: string): CaseResult => {
    return { outcome, ms: performance.now() - start, reason };
  };
  let result: CaseResult;
  try {
    await target.run(input);
    result = ended('accepted');
  } catch (error) {
    const unfit = unfitError(error);
    result = unfit ? ended('failed', `${unfit}: ${wordsOf(error)}`) : ended('refused', (error as Error).message);
  }
  await turns(2);
  return loose.length > 0 ? { ...result, outcome: 'failed', reason: `nobody caught: ${wordsOf(loose[0])}` } : result;
}

/** The input of a case, for a person to look at. */
async function show(name: string, seed: number, index: number): Promise<string> {
  const target = TARGETS.find((each) => each.name === name)!;
  const plain = (_: string, value: unknown): unknown => {
    if (value instanceof Map) return [...value];
    if (ArrayBuffer.isView(value)) {
      const bytes = new Uint8Array(value.buffer, value.byteOffset, Math.min(400, value.byteLength));
      return `${value.byteLength} bytes: ${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}`;
    }
    return typeof value === 'string' && value.length > 400 ? `${value.slice(0, 400)}… (${value.length})` : value;
  };
  return JSON.stringify(await inputOf(target, seed, index), plain, 1);
}

Object.assign(globalThis, { fuzz: { names: TARGETS.map(({ name }) => name), run, show } });
