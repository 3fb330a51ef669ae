/** Least-recently-used cache; `evict` is called for what falls out. */
export class Lru<V> {
  private readonly entries = new Map<string, V>();

  constructor(
    private readonly capacity: number,
    private readonly evict: (value: V) => void = () => undefined,
  ) {}

  get size(): number {
    return this.entries.size;
  }

  get(key: string): V | undefined {
    const value = this.entries.get(key);
    if (value === undefined) return undefined;
    this.entries.delete(key);
    this.entries.set(key, value);
    return value;
  }

  set(key: string, value: V): void {
    this.entries.set(key, value);
    if (this.entries.size <= this.capacity) return;
    const [oldest] = this.entries.keys();
    const gone = this.entries.get(oldest)!;
    this.entries.delete(oldest);
    this.evict(gone);
  }

  clear(): void {
    for (const value of this.entries.values()) this.evict(value);
    this.entries.clear();
  }
}
