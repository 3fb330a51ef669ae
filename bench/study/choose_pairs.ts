/** The page's rule for pairs, for `replica.py`: reads `{ most, pictures: [{ text, clip }[]] }`, prints the pairs it keeps. */
import { readFileSync } from 'node:fs';
import { balancedPairs } from '../../src/preference/balanced-pairs.ts';
import { clipPairs, type ScoredAnswer } from '../../src/preference/clip-pairs.ts';

const { most, pictures } = JSON.parse(readFileSync(0, 'utf8')) as { most: number; pictures: ScoredAnswer[][] };
const offered = pictures.map((answers, picture) => ({ picture, pairs: clipPairs(answers) }));
const kept = balancedPairs(offered, most).map(({ picture, pair: { chosen, rejected, difference } }) => ({
  picture,
  difference,
  chosen: chosen.text,
  rejected: rejected.text,
}));
process.stdout.write(JSON.stringify(kept));
