/** What stands between the work and the storage, told once, and once more when it is gone. */
import type { PersistenceProblem } from './contract.ts';

/** What can fail by itself. Of several, the first is told. */
const PARTS = ['lock', 'records', 'pictures', 'runs'] as const;
type Part = (typeof PARTS)[number];

/** Whether an error of the storage means "no more room". */
export function isQuotaError(error: unknown): boolean {
  return error instanceof Error && (error.name === 'QuotaExceededError' || /quota/i.test(error.message));
}

export class Problems {
  #now: { [P in Part]?: PersistenceProblem | null } = {};
  #told: PersistenceProblem['kind'] | null = null;
  #tell: (problem: PersistenceProblem | null) => void;

  constructor(tell: (problem: PersistenceProblem | null) => void) {
    this.#tell = tell;
  }

  /** Whether one of these parts fails now. */
  with(...parts: readonly Part[]): boolean {
    return parts.some((part) => this.#now[part]);
  }

  /** The state of a part; null when it works. */
  set(part: Part, problem: PersistenceProblem | null): void {
    this.#now[part] = problem;
    const first = PARTS.map((each) => this.#now[each]).find((each) => each) ?? null;
    if (this.#told === (first?.kind ?? null)) return;
    this.#told = first?.kind ?? null;
    this.#tell(first);
  }

  failed(part: Part, error: unknown): void {
    this.set(part, isQuotaError(error) ? { kind: 'full' } : { kind: 'failed', error });
  }
}
