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

  /** The same with a heartbeat before every tick, for work cancelled at the start. */
  function barksAlive(dog: Watchdog, from: number, to: number): number | null {
    for (let now = from; now <= to; now += 250) {
      dog.sign(now);
      if (dog.tick(now, { ...work, cancelledAt: 0 })) return now;
    }
    return null;
  }

  it('lets a silent job work for a long time, and a load for longer', () => {
    expect(barks(new Watchdog(DEFAULT_LIMITS, 0), 0, 60_000, work)).to.equal(null);
    expect(barks(new Watchdog(DEFAULT_LIMITS, 0), 0, 70_000, work)).to.equal(60_250);
    expect(barks(new Watchdog(DEFAULT_LIMITS, 0), 0, 200_000, { ...work, loading: true })).to.equal(null);
  });

  it('gives up soon on a worker that falls silent after a cancel', () => {
    const cancelled = { ...work, cancelledAt: 10_000 };
    const dog = new Watchdog(DEFAULT_LIMITS, 0);
    for (let now = 0; now <= 10_000; now += 250) {
      dog.sign(now);
      dog.tick(now, work);
    }
    expect(barks(dog, 10_250, 50_000, cancelled)).to.equal(30_250);
  });

  it('loses patience with a job that lives on after its cancel and finishes nothing', () => {
    expect(barksAlive(new Watchdog(DEFAULT_LIMITS, 0), 0, 200_000)).to.equal(120_250);
  });

  it('waits for a slow unit after a cancel: a worker that has shown how long one takes is not frozen', () => {
    const dog = new Watchdog(DEFAULT_LIMITS, 0);
    // Units of 100 seconds, heartbeats between them.
    for (let now = 0; now <= 300_000; now += 250) {
      dog.sign(now);
      if (now % 100_000 === 0) dog.unit();
      expect(dog.tick(now, work)).to.equal(false);
    }
    expect(barksAlive(dog, 300_250, 880_000)).to.equal(null);
    expect(barksAlive(dog, 880_250, 999_000)).to.equal(900_250);
  });

  it('learns how long this machine may be silent', () => {
    const dog = new Watchdog(DEFAULT_LIMITS, 0);
    expect(barks(dog, 0, 50_000, work)).to.equal(null);
    dog.sign(50_000);
    expect(barks(dog, 50_250, 340_000, work)).to.equal(null);
    expect(barks(dog, 340_250, 400_000, work)).to.equal(350_250);
  });

  it('waits longer where the worker has announced that its thread will be blocked', () => {
    const dog = new Watchdog(DEFAULT_LIMITS, 0);
    dog.synchronous(true);
    expect(barks(dog, 0, 290_000, { ...work, cancelledAt: 0 })).to.equal(null);
    dog.synchronous(false);
    dog.sign(290_000);
    const another = new Watchdog(DEFAULT_LIMITS, 0);
    another.synchronous(true);
    expect(barks(another, 0, 400_000, work)).to.equal(300_250);
  });

  it('counts no time in which the page was asleep, hidden or busy', () => {
    const dog = new Watchdog(DEFAULT_LIMITS, 0);
    expect(dog.tick(500_000, work)).to.equal(false);
    expect(barks(dog, 500_250, 550_000, work)).to.equal(null);
    expect(barks(new Watchdog(DEFAULT_LIMITS, 0), 0, 900_000, null)).to.equal(null);
    // A laptop that slept for a night right after a cancel.
    const slept = new Watchdog(DEFAULT_LIMITS, 0);
    slept.tick(250, { ...work, cancelledAt: 0 });
    expect(barks(slept, 30_000_000, 30_010_000, { ...work, cancelledAt: 0 })).to.equal(null);
    // A hidden tab ticks once a minute.
    const hidden = new Watchdog(DEFAULT_LIMITS, 0);
    for (let minute = 1; minute <= 29; minute++) expect(hidden.tick(60_000 * minute, work)).to.equal(false);
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
