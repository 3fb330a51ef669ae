/** Values pushed from callbacks, read with `for await`. One reader. */
export class Stream<T> implements AsyncIterable<T> {
  private readonly values: T[] = [];
  private end: { readonly error?: unknown } | null = null;
  private wake: () => void = () => undefined;

  push(value: T): void {
    this.values.push(value);
    this.wake();
  }

  close(): void {
    this.end ??= {};
    this.wake();
  }

  /** The reader gets what was pushed before, then the error. */
  fail(error: unknown): void {
    this.end ??= { error };
    this.wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    while (true) {
      while (this.values.length > 0) yield this.values.shift()!;
      if (this.end) {
        if ('error' in this.end) throw this.end.error;
        return;
      }
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}
