import { expect } from '@esm-bundle/chai';
import { JobQueue } from '../../src/engine/queue.ts';
import { Stream } from '../../src/engine/stream.ts';
import { DEFAULT_LIMITS, Watchdog } from '../../src/engine/watchdog.ts';
import { CancelledError, fromErrorData, ModelFileError, toErrorData } from '../../src/errors.ts';
import { turns } from '../support/until.ts';

describe('JobQueue', () => {
  it('runs one job at a time, in order', async () => {
    const log: string[] = [];
    const queue = new JobQueue((id) => log.push(`start ${id}`));
    const job = (id: number) =>
      queue.add(id, async () => {
        await turns(2);
        log.push(`end ${id}`);
        return id;
      });
    expect(await Promise.all([job(1), job(2), job(3)])).to.deep.equal([1, 2, 3]);
    expect(log).to.deep.equal(['start 1', 'end 1', 'start 2', 'end 2', 'start 3', 'end 3']);
    expect(queue.busy).to.equal(false);
  });

  it('keeps an error from the next job', async () => {
    const queue = new JobQueue();
    const bad = queue.add(1, async () => {
      throw new Error('mine');
    });
    const good = queue.add(2, async () => 'fine');
    expect((await bad.catch((error) => error)).message).to.equal('mine');
    expect(await good).to.equal('fine');
  });

  it('gives the signal to the job at work and drops a waiting one', async () => {
    const queue = new JobQueue();
    let heard = false;
    const running = queue.add(1, (signal) => {
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          heard = true;
          resolve(null);
        });
      });
    });
    const waiting = queue.add(2, async () => 'never').catch((error) => error);
    queue.cancel(2);
    expect(await waiting).to.be.instanceOf(CancelledError);
    expect(heard).to.equal(false);
    queue.cancel(1);
    await running;
    expect(heard).to.equal(true);
    queue.cancel(99);
  });
});

describe('Stream', () => {
  it('gives what was pushed, then the error', async () => {
    const stream = new Stream<number>();
    stream.push(1);
    setTimeout(() => {
      stream.push(2);
      stream.fail(new Error('end'));
    });
    const seen: number[] = [];
    const read = async () => {
      for await (const value of stream) seen.push(value);
    };
    expect((await read().catch((error) => error)).message).to.equal('end');
    expect(seen).to.deep.equal([1, 2]);
  });
});

describe('Watchdog', () => {
  const work = { loading: false, cancelledAt: null };
  /** Ticks every 250 ms from `from` to `to`; the time at which it barks, or null. */
  function barks(dog: Watchdog, from: number, to: number, state: Parameters<Watchdog['tick']>[1]): number | null {
    for (let now = from; now <= to; now += 250) if (dog.tick(now, state)) return now;
    return null;
  }

  it('lets a silent job work for a long time, and a load for longer', () => {
    expect(barks(new Watchdog(DEFAULT_LIMITS, 0), 0, 60_000, work)).to.equal(null);
    expect(barks(new Watchdog(DEFAULT_LIMITS, 0), 0, 70_000, work)).to.equal(60_250);
    expect(barks(new Watchdog(DEFAULT_LIMITS, 0), 0, 200_000, { ...work, loading: true })).to.equal(null);
  });

  it('waits five seconds after a cancel without a sign of life', () => {
    const cancelled = { ...work, cancelledAt: 10_000 };
    const dog = new Watchdog(DEFAULT_LIMITS, 0);
    barks(dog, 0, 10_000, work);
    expect(barks(dog, 10_250, 30_000, cancelled)).to.equal(15_250);
  });

  it('loses patience with a job that lives on after its cancel', () => {
    const dog = new Watchdog(DEFAULT_LIMITS, 0);
    let barked = 0;
    for (let now = 0; now < 60_000 && !barked; now += 250) {
      dog.sign(now);
      if (dog.tick(now, { ...work, cancelledAt: 0 })) barked = now;
    }
    expect(barked).to.equal(30_250);
  });

  it('forgives silence while the page was asleep or nothing was asked', () => {
    const dog = new Watchdog(DEFAULT_LIMITS, 0);
    expect(dog.tick(500_000, work)).to.equal(false);
    expect(barks(dog, 500_250, 550_000, work)).to.equal(null);
    expect(barks(new Watchdog(DEFAULT_LIMITS, 0), 0, 900_000, null)).to.equal(null);
  });
});

describe('errors across the worker', () => {
  it('come back as their class, with subject and words', () => {
    const data = structuredClone(toErrorData(new ModelFileError('x is missing', 'x')));
    const error = fromErrorData(data);
    expect(error).to.be.instanceOf(ModelFileError);
    expect(error).to.include({ message: 'x is missing', subject: 'x' });
    expect(fromErrorData(toErrorData(new DOMException('stop', 'AbortError')))).to.be.instanceOf(CancelledError);
    expect(fromErrorData(toErrorData('odd')).message).to.equal('odd');
  });
});
