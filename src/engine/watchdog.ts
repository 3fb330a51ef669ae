/**
 * Decides when a worker is past hope. Slow is not frozen: synchronous WASM blocks the worker's timers, a large
 * micro-batch takes minutes on a slow device, and a page that sleeps hears nothing. So patience grows with the longest
 * silence and the longest unit of work seen so far, and time counts only while the page itself runs. Pure: the client
 * tells it what happened and asks. Reasons: docs/decisions/0014.
 */
export interface WatchdogLimits {
  /** Silence during any job. */
  readonly silentMs: number;
  /** Silence where it is expected: during a load, which compiles in one go, and during announced synchronous work. */
  readonly busyMs: number;
  /** Silence after a cancel. */
  readonly cancelMs: number;
  /** From a cancel, or the unit of work that ended last, to the end of a worker that sends heartbeats but finishes nothing. */
  readonly stuckMs: number;
}

export const DEFAULT_LIMITS: WatchdogLimits = {
  silentMs: 60_000,
  busyMs: 300_000,
  cancelMs: 20_000,
  stuckMs: 120_000,
};

/** As many times the longest silence or unit seen so far is still no reason to give up. */
const GROWTH = 6;

/** A later tick means that the page was asleep or busy, and that messages are still on their way: the rest does not count. */
const LONGEST_TICK_MS = 2_000;

export interface Watched {
  /** Whether silence is expected: a load, or a worker whose script is still starting. */
  readonly loading: boolean;
  /** When the job under way was cancelled, if it was, on the watchdog's clock. */
  readonly cancelledAt: number | null;
}

export class Watchdog {
  /** Milliseconds during which the page ran. */
  #clock = 0;
  #lastTick: number;
  #lastSign = 0;
  #lastUnit = 0;
  #longestSilence = 0;
  #longestUnit = 0;
  #synchronous = false;

  constructor(
    private readonly limits: WatchdogLimits,
    now: number,
  ) {
    this.#lastTick = now;
  }

  /** Time on the watchdog's own clock. */
  get clock(): number {
    return this.#clock;
  }

  /** Work begins after a time without any. */
  begin(now: number): void {
    this.#advance(now);
    this.#lastSign = this.#clock;
    this.#lastUnit = this.#clock;
  }

  /** A message came: the worker's thread is alive. */
  sign(now: number): void {
    this.#advance(now);
    this.#longestSilence = Math.max(this.#longestSilence, this.#clock - this.#lastSign);
    this.#lastSign = this.#clock;
  }

  /** A unit of work has ended: a micro-batch, a token, a read-back, a file. */
  unit(): void {
    this.#longestUnit = Math.max(this.#longestUnit, this.#clock - this.#lastUnit);
    this.#lastUnit = this.#clock;
  }

  /** The worker announced that it begins, or has ended, work that blocks its thread. */
  synchronous(on: boolean): void {
    this.#synchronous = on;
  }

  /** Another worker took over. What was learnt about the machine's speed stays. */
  replaced(now: number): void {
    this.#synchronous = false;
    this.begin(now);
  }

  /** True when the worker should be replaced. `work` is null while nothing is pending. */
  tick(now: number, work: Watched | null): boolean {
    this.#advance(now);
    if (!work) {
      this.begin(now);
      return false;
    }
    const { silentMs, busyMs, cancelMs, stuckMs } = this.limits;
    const cancelled = work.cancelledAt !== null;
    const busy = work.loading || this.#synchronous;
    const floor = busy ? busyMs : cancelled ? cancelMs : silentMs;
    const since = (mark: number) => this.#clock - Math.max(mark, work.cancelledAt ?? 0);
    if (since(this.#lastSign) > Math.max(floor, GROWTH * this.#longestSilence)) return true;
    return cancelled && since(this.#lastUnit) > Math.max(busy ? busyMs : stuckMs, GROWTH * this.#longestUnit);
  }

  #advance(now: number): void {
    this.#clock += Math.max(0, Math.min(now - this.#lastTick, LONGEST_TICK_MS));
    this.#lastTick = now;
  }
}
