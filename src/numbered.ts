/** What is wrong with one of many is said with its number. */
import { InputError } from './errors.ts';

/** A sentence as it goes on after a colon; "CLIP" and "DPO" keep their letters. */
const goingOn = (sentence: string): string =>
  sentence.replace(/^\p{Lu}(?=[\p{Ll} ])/u, (letter) => letter.toLowerCase());

/**
 * Does the work for one of `total` things. An `InputError` of it, thrown or rejected, becomes "Pair 3 of 12: the prompt is
 * empty."; anything else passes as it is.
 */
export function numbered<T>(what: 'Pair' | 'Prompt' | 'File', index: number, total: number, work: () => T): T {
  const named = (error: unknown): never => {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`${what} ${index + 1} of ${total}: ${goingOn(error.message)}`, error.subject, {
      cause: error,
    });
  };
  try {
    const result = work();
    return result instanceof Promise ? (result.catch(named) as T) : result;
  } catch (error) {
    return named(error);
  }
}
