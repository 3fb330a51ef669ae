// A slice of `npm run fuzz`, the same every time: bad files, links, texts and records are refused with a sentence.

import { again, line, openFuzzer, share } from '../../tools/fuzz/fuzz.mjs';
import { Checks } from './support.mjs';

const SEED = 11;
const CASES = 500;

console.log(`seed ${SEED}, ${CASES} cases`);
const checks = new Checks();
// A test asserts no times: what never ends fails, and `npm run fuzz` looks for what is slow.
const PATIENCE_MS = 180_000;
const fuzzer = await openFuzzer({ limitMs: PATIENCE_MS, giveUpMs: PATIENCE_MS });
for (const name of fuzzer.names) {
  await checks.check(`fuzz: ${name}`, async () => {
    const report = await fuzzer.runTarget(name, SEED, share(CASES, fuzzer.names.length));
    console.log(`  ${line(report)}`);
    const [first] = report.failures;
    if (first) throw new Error(`${report.failures.length} cases failed; the first: ${first.reason}\n${again(name, SEED, first.index)}`);
  });
}
await fuzzer.close();
console.log(`${checks.passed} passed, ${checks.failed} failed`);
process.exit(checks.failed > 0 ? 1 : 0);
