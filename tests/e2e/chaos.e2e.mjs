// A slice of `npm run chaos`: five blows of different kinds, always the same moments. The whole: docs/reliability.md.

import { chaos } from '../../tools/chaos/chaos.mjs';
import { GRACE_MS, Ledger } from '../../tools/chaos/ledger.mjs';
import { Checks, equal } from './support.mjs';

const SEED = 11;
const PLAN = ['close', 'device', 'crash', 'full', 'killed'];

const checks = new Checks();

await checks.check('the ledger misses what is gone, and a run that went back too far', async () => {
  const ledger = new Ledger(2);
  const pair = { id: 'pair-1', chosen: 'a', rejected: 'b', prompt: 'c', imageId: 'd' };
  ledger.hear({ kind: 'pair', ...pair }, 0);
  ledger.hear({ kind: 'image', id: 'd' }, 0);
  ledger.hear({ kind: 'step', run: 'run-1', step: 5 });
  const run = { id: 'run-1', step: 3, status: 'paused', logged: 3 };
  const whole = { pairs: [pair], images: [{ id: 'd', hash: 'd' }], candidates: [], runs: [run], adapter: { run: 'run-1', step: 3 } };
  const lost = (found, struck = GRACE_MS, hard = false) => ledger.compare({ ...whole, ...found }, { struck, hard }).lost.length;
  equal(lost({}), 0, 'nothing is lost');
  equal(lost({ pairs: [] }), 1, 'a pair is gone');
  equal(lost({ pairs: [{ ...pair, chosen: 'x' }] }), 1, 'a pair has another text');
  equal(lost({ images: [{ id: 'd', hash: null }] }), 1, 'the bytes of a picture are gone');
  equal(lost({ runs: [{ ...run, step: 2, logged: 2 }], adapter: { run: 'run-1', step: 2 } }), 1, 'three steps went');
  equal(lost({ adapter: null }), 1, 'the adapter of the run is not active');
  equal(lost({ runs: [] }), 1, 'the run is gone');
  equal(lost({ pairs: [] }, GRACE_MS - 1, true), 0, 'a hard kill may take the last moment');
  equal(lost({ pairs: [] }, GRACE_MS, true), 1, 'a hard kill takes no more than that');
});

// Whoever runs this takes a long silence for a hang.
const each = ({ kind, lost, seconds = 0 }) => console.log(`  ${kind}: ${lost.length} losses, ${seconds.toFixed(1)} s`);
const results = await chaos({ plan: PLAN, seed: SEED, each });
for (const { number, kind, moment, lost, seconds = 0 } of results) {
  await checks.check(`${kind === 'none' ? '' : `${kind}: `}${moment || `kill ${number}`} (${seconds.toFixed(1)} s)`, async () =>
    equal(lost.join('\n'), '', 'losses'),
  );
}
equal(results.length, PLAN.length + 1, 'results');
console.log(`${checks.passed} passed, ${checks.failed} failed`);
process.exit(checks.failed > 0 ? 1 : 0);
