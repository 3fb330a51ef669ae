/**
 * Decides when a worker is past hope. Pure: the client tells it what happened and asks. Synchronous GPU and WASM work
 * blocks the worker's timers, so silence alone is no alarm for a long time; after a cancel it soon is.
 */
export interface WatchdogLimits {
  /** Silence after a soft cancel. */
  readonly cancelMs: number;
  /** From a soft cancel to a hard one even if the worker still sends heartbeats: a hung ORT run. */
  readonly cancelPatienceMs: number;
  /** Silence during any job. */
  readonly silentMs: number;
  /** Silence during a load: a large session compiles in one go. */
  readonly loadSilentMs: number;
}

export const DEFAULT_LIMITS: WatchdogLimits = {
  cancelMs: 5_000,
  cancelPatienceMs: 30_000,
  silentMs: 60_000,
  loadSilentMs: 300_000,
};

/** Ticks further apart than this mean that the page itself was asleep. */
const ASLEEP_MS = 3_000;

export interface Watched {
  readonly loading: boolean;
  /** When the job at work was cancelled, if it was. */
  readonly cancelledAt: number | null;
}

export class Watchdog {
  private lastSign: number;
  private lastTick: number;

  constructor(
    private readonly limits: WatchdogLimits,
    now: number,
  ) {
    this.lastSign = now;
    this.lastTick = now;
  }

  /** Any message from the worker, or the start of work. */
  sign(now: number): void {
    this.lastSign = now;
  }

  /** True when the worker should be replaced. `work` is null while nothing is pending. */
  tick(now: number, work: Watched | null): boolean {
    const asleep = now - this.lastTick > ASLEEP_MS;
    this.lastTick = now;
    // Messages sent while the page slept are still on their way.
    if (asleep || !work) {
      this.lastSign = now;
      return false;
    }
    const silent = now - this.lastSign;
    if (work.cancelledAt !== null) {
      const waited = now - work.cancelledAt;
      if (Math.min(silent, waited) > this.limits.cancelMs) return true;
      if (waited > this.limits.cancelPatienceMs) return true;
    }
    return silent > (work.loading ? this.limits.loadSilentMs : this.limits.silentMs);
  }
}
