/** The adapter at work: a run's or a file's, put back whenever engine or page start anew. */
import type { AdapterFacts, Engine, EngineState } from '../../engine/engine.ts';
import { InputError } from '../../errors.ts';
import { newId } from '../context.ts';
import type { RunFiles } from '../persistence.ts';
import type { AdapterRecord, AppState } from '../state.ts';
import type { Store } from '../store.ts';
import type { Checkpoints } from './checkpoints.ts';
import { type RunRecords, withAdapter } from './records.ts';

/** Name under which the bytes of an imported adapter are kept, beside those of the runs. */
const FILE = 'adapter';

export class AdapterAtWork {
  #store: Store<AppState>;
  #engine: Pick<Engine, 'adapter'>;
  #runs: RunRecords;
  #checkpoints: Checkpoints;
  #files: RunFiles;
  #failed: (error: unknown) => void;
  /** The adapter that last came from a file. */
  #imported: { readonly key: string; readonly bytes: Uint8Array } | null = null;

  /** @param failed told what went wrong where nobody waits for it. */
  constructor(
    store: Store<AppState>,
    engine: Pick<Engine, 'adapter'>,
    runs: RunRecords,
    checkpoints: Checkpoints,
    files: RunFiles,
    failed: (error: unknown) => void,
  ) {
    this.#store = store;
    this.#engine = engine;
    this.#runs = runs;
    this.#checkpoints = checkpoints;
    this.#files = files;
    this.#failed = failed;
  }

  get #record(): AdapterRecord | null {
    return this.#store.state.adapter;
  }

  /** Folders of the storage that the adapter at work needs; its run may have left the list. */
  get folders(): string[] {
    return this.#record ? [this.#record.run ?? this.#record.key] : [];
  }

  /** Fetches what an earlier visit left into memory, so that it is at hand when the engine comes. */
  async restore(): Promise<void> {
    const record = this.#record;
    if (!record) return;
    if (record.run !== undefined) {
      const { run, step } = record;
      if (await this.#checkpoints.get(run, step)) return;
      // Its checkpoint found no room: the newest that did is what is left of it.
      const earlier = this.#runs.find(run)?.checkpoints.filter((each) => each < step) ?? [];
      this.#runs.atWork(run, await this.#checkpoints.newest(run, earlier));
      return;
    }
    const bytes = await this.#files.get(record.key, FILE);
    if (bytes instanceof Uint8Array) this.#imported = { key: record.key, bytes };
    else this.#forget();
  }

  /** A fresh engine has no adapter: the one at work goes back in before anything else is asked of it. */
  engineChanged(engine: EngineState): void {
    const record = this.#record;
    if (engine.kind !== 'ready' || !record) return;
    const back = this.#atHand(record);
    if (back) {
      back().catch((error) => {
        this.#forget();
        this.#failed(error);
      });
      return;
    }
    this.#forget();
    if (record.run !== undefined) this.workWith(record.run, record.step).catch(this.#failed);
  }

  /**
   * Puts the adapter of a run's step to work; step 0 is the model without one.
   * @throws InputError when its checkpoint is gone.
   */
  async workWith(run: string, step: number): Promise<void> {
    if (step === 0) {
      await this.#engine.adapter.reset();
    } else {
      const checkpoint = await this.#checkpoints.get(run, step);
      if (!checkpoint) throw new InputError(`The checkpoint of step ${step} is gone from this browser.`);
      await this.#engine.adapter.restore(checkpoint);
    }
    this.#runs.atWork(run, step);
  }

  /**
   * Puts back what the page says is at work, after something else was in its place.
   * @throws InputError when its checkpoint is gone.
   */
  async again(): Promise<void> {
    // An engine that is starting anew gets it as soon as it is ready.
    if (this.#store.state.engine.kind !== 'ready') return;
    const record = this.#record;
    if (record?.run !== undefined) return this.workWith(record.run, record.step);
    if (record) await this.#atHand(record)?.();
    else await this.#engine.adapter.reset();
  }

  /**
   * Puts an adapter of a file to work, and keeps the file for the next visit.
   * @throws InputError when it cannot be used; the one at work stays.
   */
  async adopt(bytes: Uint8Array): Promise<AdapterFacts> {
    const facts = await this.#engine.adapter.import(bytes);
    const key = newId('imported');
    this.#imported = { key, bytes };
    this.#store.update((state) => withAdapter(state, { key, step: facts.step }));
    await this.#files.put(key, FILE, bytes);
    return facts;
  }

  /** Takes the adapter away: the policy is the reference again. */
  async reset(): Promise<void> {
    await this.#engine.adapter.reset();
    this.#imported = null;
    this.#forget();
  }

  /** How to put this adapter into the engine at once; undefined where its values have to be fetched first. */
  #atHand({ key, run, step }: AdapterRecord): (() => Promise<unknown>) | undefined {
    if (run === undefined) {
      const imported = this.#imported;
      return imported?.key === key ? () => this.#engine.adapter.import(imported.bytes) : undefined;
    }
    const checkpoint = this.#checkpoints.atHand(run, step);
    return checkpoint && (() => this.#engine.adapter.restore(checkpoint));
  }

  #forget(): void {
    this.#store.update((state) => withAdapter(state, null));
  }
}
