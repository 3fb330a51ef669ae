import { expect } from '@esm-bundle/chai';
import type { Contender, Entry } from '../../bench/contender.ts';
import { measure } from '../../bench/measure.ts';

const EFFORT = { sampleMs: 0, rounds: 4, limitMs: 10_000 };

function entry(name: string, values: number[], log: string[] = []): Entry {
  const contender: Contender = {
    run() {
      log.push(`run ${name}`);
      // Long enough for the coarsest clock: a sample of no time has no ratio.
      for (const start = performance.now(); performance.now() === start; );
    },
    sync: async () => undefined,
    result: async () => values,
    dispose: () => void log.push(`dispose ${name}`),
  };
  return { name, build: async () => contender };
}

describe('benchmark protocol', () => {
  it('times only those whose values are right, and keeps the others in the table', async () => {
    const broken: Entry = { name: 'broken', build: () => Promise.reject(new Error('no adapter\nstack')) };
    const entries = [entry('ours', [1, 2]), entry('close', [1, 2.00001]), entry('off', [1, 3]), broken];
    const [ours, close, off, failed] = await measure(entries, [1, 2], 1e-4, EFFORT);
    expect(ours).to.include({ status: 'ok', error: 0, ratio: undefined });
    expect(close!.status).to.equal('ok');
    expect(close!.ratio!.low).to.be.at.most(close!.ratio!.mean);
    expect(close!.ratio!.high).to.be.at.least(close!.ratio!.mean);
    expect(off).to.deep.include({ status: 'wrong', error: 0.5 });
    expect(off!.ms).to.equal(undefined);
    expect(failed).to.deep.equal({ name: 'broken', status: 'failed', message: 'no adapter' });
  });

  it('takes NaN and missing values for wrong', async () => {
    const results = await measure([entry('nan', [Number.NaN]), entry('short', [])], [1], 1e-4, EFFORT);
    expect(results.map(({ status }) => status)).to.deep.equal(['wrong', 'wrong']);
  });

  it('interleaves the rounds in turning order and disposes everyone', async () => {
    const log: string[] = [];
    await measure([entry('a', [1], log), entry('b', [1], log)], [1], 0, { ...EFFORT, rounds: 3 });
    expect(log.slice(-8)).to.deep.equal([
      'run a',
      'run b',
      'run b',
      'run a',
      'run a',
      'run b',
      'dispose a',
      'dispose b',
    ]);
  });
});
