// Breaks the page at random moments and looks whether anything is lost.
//
//   npm run chaos -- --kills 50 --seed 1
//
// Options: --kinds close,crash (default: all), --first 17 --kills 1 (repeats the moments of the 17th kill),
// --sources (serves the sources instead of a build). Prints a line per kill and the totals per kind; ends with an error
// when anything was lost.

import { parseArgs } from 'node:util';
import { chaos, planned } from './chaos.mjs';
import { KINDS } from './kinds.mjs';
import { GRACE_MS } from './ledger.mjs';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    seed: { type: 'string' },
    first: { type: 'string', default: '1' },
    kinds: { type: 'string', default: Object.keys(KINDS).join(',') },
    sources: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6));
const first = Number(values.first);
const kinds = values.kinds.split(',');
const unknown = kinds.find((kind) => !(kind in KINDS));
if (unknown) throw new Error(`There is no kind "${unknown}"; there are: ${Object.keys(KINDS).join(', ')}.`);
const plan = planned(seed, first - 1 + Number(values.kills), kinds).slice(first - 1);
console.log(`Seed ${seed}, ${plan.length} kills.`);

/** One line about one kill. */
function line({ number, kind, moment, steps, lost, young, says, seconds }) {
  const words = kind === 'none' ? '' : `${KINDS[kind].words}: `;
  const outcome = lost.length > 0 ? `LOST ${lost.join('; ')}` : 'nothing lost';
  const parts = [`${words}${moment}`, steps && `run ${steps}`, outcome];
  for (const { name, age } of young) parts.push(`a ${name} of the last ${age} ms went`);
  if (says) parts.push(`"${says.slice(0, 160)}"`);
  if (seconds) parts.push(`${seconds.toFixed(1)} s`);
  return `${String(number).padStart(3)} ${parts.filter(Boolean).join('; ')}`;
}

const results = await chaos({ plan, seed, first, built: !values.sources, each: (result) => console.log(line(result)) });

console.log(`\n| | kills | with a loss | work of the last second that went |\n| --- | --- | --- | --- |`);
for (const [kind, { words, hard }] of Object.entries(KINDS)) {
  const own = results.filter((each) => each.kind === kind);
  if (own.length === 0) continue;
  const ages = own.flatMap(({ young }) => young.map(({ age }) => age));
  const went = !hard ? '' : ages.length === 0 ? 'none' : `${ages.length}, at most ${Math.max(...ages)} ms old`;
  console.log(`| ${words} | ${own.length} | ${own.filter(({ lost }) => lost.length > 0).length} | ${went} |`);
}
const failed = results.filter(({ lost }) => lost.length > 0);
console.log(
  `\nSeed ${seed}: ${plan.length} kills, ${failed.length} with a loss. Work that was more than ${GRACE_MS} ms old must survive a hard kill, all work any other.`,
);
for (const { number } of failed) {
  if (number !== 'end') console.log(`Repeat: npm run chaos -- --seed ${seed} --first ${number} --kills 1`);
}
process.exit(failed.length > 0 ? 1 : 0);
