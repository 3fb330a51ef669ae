/** What a fuzz target is, and what may come of a case. */
import * as errors from '../../src/errors.ts';
import type { Random } from '../../src/toybox/random.ts';

/** One door of the page through which something comes that it did not make itself. */
export interface Target<Input> {
  readonly name: string;
  /** Good inputs, or nearly good ones. */
  readonly seeds: () => Promise<readonly Input[]>;
  /** Another input from one of the seeds; the same random numbers give the same input. */
  readonly mutate: (seed: Input, random: Random) => Input | Promise<Input>;
  /**
   * Gives the input to the page. Returns where it was taken, throws an error of `src/errors.ts` where it was refused, and
   * anything else where the page is at fault.
   */
  readonly run: (input: Input) => unknown;
}

/** The page took something that it should not have, or spoiled what it took. */
export class FuzzFailure extends Error {
  override readonly name = 'FuzzFailure';
}

export function claim(condition: boolean, what: string): asserts condition {
  if (!condition) throw new FuzzFailure(what);
}

const NAMED = Object.values(errors).filter(
  (each): each is typeof errors.InputError =>
    typeof each === 'function' && each.prototype instanceof Error && each !== errors.EngineError,
);

/** What no sentence for people holds outside quotation marks: words of the JavaScript engine. */
const RAW = [
  /\bundefined\b|(?<! is | given )\bNaN\b|\[object /,
  /is not (a function|iterable|defined|an object|a constructor)/,
  /Cannot (read|convert|set|mix|create|destructure)|Unexpected (token|end)|JSON (at|input)|Maximum call stack/,
  /Invalid (array|typed array|string|time)|out of (bounds|range)|Failed to execute|should be a multiple/,
];

/** Why a message is no sentence for people; undefined where it is one. */
export function unfitMessage(message: string): string | undefined {
  const plain = message.replaceAll(/"(?:[^"\\]|\\.)*"|“[^”]*”/gs, '""');
  const raw = RAW.map((pattern) => pattern.exec(plain)?.[0]).find(Boolean);
  if (raw) return `its message has "${raw}" in it`;
  if (!/^["“«(]*[\p{L}\p{N}_ -]/u.test(plain) || !/[.!?)]["”]?$/.test(plain.trim()))
    return 'its message is no sentence';
  if (message.length > 2000) return `its message has ${message.length} characters`;
  return undefined;
}

/** Why an error is no answer to a bad input; undefined where it is one. */
export function unfitError(error: unknown): string | undefined {
  if (error instanceof FuzzFailure) return error.message;
  if (!NAMED.some((each) => error instanceof each)) return 'it is no error of src/errors.ts';
  return unfitMessage((error as Error).message);
}
