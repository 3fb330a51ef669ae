/** The runs in the state: how they are listed, changed and taken off. */
import { newId } from '../context.ts';
import type { AdapterRecord, AppState, RunRecord, TrainingState } from '../state.ts';
import type { Store } from '../store.ts';
import type { RunIntent } from './run.ts';

/** More runs on the same axes than this cannot be told apart. */
export const MOST_RUNS = 8;

/** The state with another adapter at work: what the policy said of the answers on the table is out of date. */
export function withAdapter(state: AppState, adapter: AdapterRecord | null): AppState {
  if (state.adapter?.key === adapter?.key) return state;
  return {
    ...state,
    adapter,
    candidates: state.candidates.map((candidate) => {
      if (!candidate.text.trim() || candidate.status === 'streaming') return candidate;
      return {
        ...candidate,
        tokens: [],
        logpSum: 0,
        reference: undefined,
        status: 'scoring',
        error: undefined,
      } as const;
    }),
  };
}

export class RunRecords {
  #store: Store<AppState>;

  constructor(store: Store<AppState>) {
    this.#store = store;
  }

  get state(): TrainingState {
    return this.#store.state.training;
  }

  /** The run that Train continues or that is under way. */
  get present(): RunRecord | undefined {
    return this.find(this.state.run);
  }

  find(id: string | null): RunRecord | undefined {
    return this.state.runs.find((run) => run.id === id);
  }

  set(fields: Partial<TrainingState>): void {
    this.#store.update((state) => ({ ...state, training: { ...state.training, ...fields } }));
  }

  change(id: string, fields: Partial<RunRecord>): void {
    this.set({ runs: this.state.runs.map((run) => (run.id === id ? { ...run, ...fields } : run)) });
  }

  /** A new run becomes the present one. It takes an old one's place when it has something to show: see `evict`. */
  add(intent: RunIntent): RunRecord {
    const { runs } = this.state;
    const run: RunRecord = {
      ...intent,
      id: newId('run'),
      ordinal: Math.max(0, ...runs.map(({ ordinal }) => ordinal)) + 1,
      steps: 0,
      stepsPerEpoch: 1,
      parameters: 0,
      trainingBytes: 0,
      step: 0,
      status: 'running',
      checkpoints: [],
      heldOut: [],
    };
    this.set({ runs: [...runs, run], run: run.id, comparison: null });
    return run;
  }

  /** Takes the oldest runs off the list where there are too many; returns whether there were. */
  evict(): boolean {
    const { runs } = this.state;
    if (runs.length <= MOST_RUNS) return false;
    this.set({ runs: runs.slice(-MOST_RUNS) });
    return true;
  }

  /** Takes a run off the list; `present` is the one Train continues then. */
  remove(id: string, present: string | null): void {
    this.set({ runs: this.state.runs.filter((run) => run.id !== id), run: present });
  }

  /** The adapter of a run's step is at work; step 0 is the imported one that it starts from, or the model without one. */
  atWork(id: string, step: number): void {
    const from = this.find(id)?.from;
    const first = from ? { ...from, step } : null;
    const adapter = step === 0 ? first : { key: `${id}@${step}`, run: id, step };
    this.#store.update((state) => withAdapter(state, adapter));
  }
}
