import { expect } from '@esm-bundle/chai';
import { changedTokens } from '../../src/training/changed.ts';

/** Prompt, chosen, rejected, and per letter whether it was corrected: by Python's difflib with blocks of three. */
const CASES = [
  ['ask:', 'abcdefgh', 'abcdefgh', '00000000', '00000000'],
  ['ask:', 'abcXefgh', 'abcYefgh', '00010000', '00010000'],
  // One equal letter continues the prompt's run.
  ['ask:', 'aXcdefgh', 'aYcdefgh', '01000000', '01000000'],
  // What one side adds is no correction.
  ['ask:', 'abcdefgh', 'abcdefghij', '00000000', '0000000000'],
  ['ask:', 'abcdefgh', 'abcZZdefgh', '00000000', '0000000000'],
  // A run of one between two corrections is part of them.
  ['ask:', 'abXdYfgh', 'abUdVfgh', '00111000', '00111000'],
  ['ask:', 'the cat sat.', 'a dog sat.', '111111100000', '1111100000'],
  ['', 'ab', 'xy', '11', '11'],
  ['ask:', 'x', 'abcdef', '1', '111111'],
  ['ask:', 'abcab', 'ababc', '00111', '00111'],
  ['ask:', 'mmmabcnnnabc', 'abcmmmabcnn', '000000000000', '00000000000'],
];

describe('corrected tokens', () => {
  const ids = (text: string) => [...text].map((letter) => letter.codePointAt(0)!);
  const marks = (flags: readonly boolean[]) => flags.map((flag) => (flag ? '1' : '0')).join('');

  for (const [prompt, chosen, rejected, ...expected] of CASES) {
    it(`of “${chosen}” and “${rejected}”`, () => {
      const changed = changedTokens({ promptIds: ids(prompt), chosenIds: ids(chosen), rejectedIds: ids(rejected) });
      expect([marks(changed.chosen), marks(changed.rejected)]).to.deep.equal(expected);
    });
  }
});
