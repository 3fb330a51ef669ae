// `npm run fuzz`: bad files, links, texts and records, thousands of them, given to the page in a real browser.
//
//     npm run fuzz -- --cases 10000            all targets, so many cases together; the seed is printed
//     npm run fuzz -- --seed 7 --only zip      one target (its name, or names with commas), another seed
//     npm run fuzz -- --only zip --case 12     one case again, with its input
//
// Every case must be accepted, or refused with a sentence and an error of src/errors.ts; within 2 seconds. Exit status 1
// where one is not.

import { parseArgs } from 'node:util';
import { again, line, openFuzzer, share } from './fuzz.mjs';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    only: { type: 'string' },
    case: { type: 'string' },
    reasons: { type: 'boolean' },
  },
});
const seed = Number(values.seed);
const fuzzer = await openFuzzer();
const wanted = values.only?.split(',') ?? fuzzer.names;
const unknown = wanted.filter((name) => !fuzzer.names.includes(name));
if (unknown.length > 0 || !Number.isInteger(seed) || !(Number(values.cases) >= 1)) {
  console.error(
    `There is no target ${unknown.join(', ')}, or the numbers are none. Targets: ${fuzzer.names.join(', ')}.`,
  );
  await fuzzer.close();
  process.exit(2);
}

let failed = 0;
if (values.case !== undefined) {
  const [name] = wanted;
  const index = Number(values.case);
  console.log(await fuzzer.show(name, seed, index));
  const result = await fuzzer.tryCase(name, seed, index);
  console.log(`${result.outcome} after ${Math.round(result.ms)} ms${result.reason ? `: ${result.reason}` : ''}`);
  failed = result.outcome === 'failed' ? 1 : 0;
} else {
  const each = share(Number(values.cases), wanted.length);
  console.log(`seed ${seed}, ${wanted.length} targets, ${each} cases each`);
  const started = Date.now();
  let total = 0;
  for (const name of wanted) {
    const report = await fuzzer.runTarget(name, seed, each, ({ index, reason }) => {
      console.log(
        `FAILED: ${name}, case ${index}: ${reason.split('\n').slice(0, 4).join('\n  ')}\n  ${again(name, seed, index)}`,
      );
    });
    total += report.cases;
    failed += report.failures.length;
    console.log(line(report));
    if (values.reasons) {
      const sorted = [...report.reasons].sort(([, a], [, b]) => b - a);
      for (const [reason, count] of sorted.slice(0, 25)) console.log(`    ${String(count).padStart(5)}  ${reason}`);
    }
  }
  console.log(`${total} cases in ${Math.round((Date.now() - started) / 1000)} s, ${failed} failed (seed ${seed})`);
}
await fuzzer.close();
process.exit(failed > 0 ? 1 : 0);
