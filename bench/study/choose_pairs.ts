/** The page's rule for pairs, for the replicas: reads `{ most, pictures: [{ text, score }[]] }`, prints the pairs it keeps. */
import { readFileSync } from 'node:fs';
import { balancedPairs } from '../../src/preference/balanced-pairs.ts';
import { judgedPairs, type ScoredAnswer } from '../../src/preference/judged-pairs.ts';

const { most, pictures } = JSON.parse(readFileSync(0, 'utf8')) as { most: number; pictures: ScoredAnswer[][] };
const offered = pictures.map((answers, picture) => ({ picture, pairs: judgedPairs(answers) }));
const kept = balancedPairs(offered, most).map(({ picture, pair: { chosen, rejected, difference } }) => ({
  picture,
  difference,
  chosen: chosen.text,
  rejected: rejected.text,
}));
process.stdout.write(JSON.stringify(kept));
