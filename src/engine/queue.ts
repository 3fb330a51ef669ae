/**
 * One job at a time, in order of arrival. A job's error reaches the one who asked and never the next job.
 */
import { CancelledError } from '../errors.ts';

interface Entry {
  readonly id: number;
  readonly controller: AbortController;
  readonly run: (signal: AbortSignal) => Promise<unknown>;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

export class JobQueue {
  private readonly waiting: Entry[] = [];
  private current: Entry | null = null;

  /** @param onStart hears which job begins. */
  constructor(private readonly onStart: (id: number) => void = () => undefined) {}

  /** Id of the job at work. */
  get running(): number | null {
    return this.current?.id ?? null;
  }

  get busy(): boolean {
    return this.current !== null;
  }

  /** Settles as the job does. `run` gets the signal that `cancel` fires. */
  add<T>(id: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.waiting.push({ id, controller: new AbortController(), run, resolve, reject });
      if (!this.current) void this.drain();
    });
  }

  /** A waiting job is rejected at once; the one at work hears its signal. Unknown ids are ignored. */
  cancel(id: number): void {
    if (this.current?.id === id) this.current.controller.abort();
    const index = this.waiting.findIndex((entry) => entry.id === id);
    if (index < 0) return;
    const [entry] = this.waiting.splice(index, 1);
    entry.reject(new CancelledError());
  }

  private async drain(): Promise<void> {
    for (let entry = this.waiting.shift(); entry; entry = this.waiting.shift()) {
      this.current = entry;
      this.onStart(entry.id);
      try {
        entry.resolve((await entry.run(entry.controller.signal)) as never);
      } catch (error) {
        entry.reject(error);
      }
    }
    this.current = null;
  }
}
