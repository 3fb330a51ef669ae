// Random numbers that a seed repeats (mulberry32).

export class Random {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to `most`, both included. */
  upTo(most) {
    return Math.floor(this.next() * (most + 1));
  }

  pick(list) {
    return list[this.upTo(list.length - 1)];
  }

  shuffled(list) {
    const all = [...list];
    for (let i = all.length - 1; i > 0; i -= 1) {
      const j = this.upTo(i);
      [all[i], all[j]] = [all[j], all[i]];
    }
    return all;
  }
}
