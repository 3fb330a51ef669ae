/** The adapter at work: a run's or a file's, put back whenever engine or page start anew. */
import type { AdapterFacts, Engine, EngineFacts, EngineState } from '../../engine/engine.ts';
import { InputError } from '../../errors.ts';
import { contentId } from '../decode.ts';
import type { RunFiles } from '../persistence.ts';
import type { AdapterRecord, AppState, ImportedAdapter, RunRecord } from '../state.ts';
import type { Store } from '../store.ts';
import type { Checkpoints } from './checkpoints.ts';
import { type RunRecords, withAdapter } from './records.ts';

/** Name under which the bytes of an imported adapter are kept, beside those of the runs. */
export const ADAPTER_NAME = 'adapter';

/** Key of an imported adapter, by the content id of its file. */
export const adapterKey = (contentId: string): string => `imported-${contentId.slice(0, 16)}`;

export class AdapterAtWork {
  #store: Store<AppState>;
  #engine: Pick<Engine, 'adapter'>;
  #runs: RunRecords;
  #checkpoints: Checkpoints;
  #files: RunFiles;
  #failed: (error: unknown) => void;
  /** The adapter whose file was last read. */
  #imported: { readonly key: string; readonly bytes: Uint8Array } | null = null;
  /** Of the engine that has the adapter, or gets it. */
  #facts: EngineFacts | null = null;

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

  /** Folders of the storage that the adapter at work needs, whose run may have left the list, and what runs started from. */
  get folders(): string[] {
    const starts = this.#runs.state.runs.flatMap(({ from }) => (from ? [from.key] : []));
    return this.#record ? [...starts, this.#record.run ?? this.#record.key] : starts;
  }

  /**
   * The file of the adapter that a run takes its next step from; undefined where that is a fresh one or a checkpoint's.
   * @throws InputError when the browser has lost it.
   */
  async fileFor({ from, step = 0 }: Pick<RunRecord, 'from'> & Partial<RunRecord>): Promise<Uint8Array | undefined> {
    return from && step === 0 ? this.#bytesOf(from) : undefined;
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
    }
    const left = this.#record;
    if (left && left.run === undefined) await this.#bytesOf(left).catch(() => this.#forget());
  }

  /** A fresh engine has no adapter: the one at work goes back in before anything else is asked of it. */
  engineChanged(engine: EngineState): void {
    const facts = engine.kind === 'ready' ? engine.facts : null;
    // The same models as before, after a load that failed or while cancelled work ends, still have theirs.
    const fresh = facts !== null && facts !== this.#facts;
    if (facts || engine.kind === 'restarting' || engine.kind === 'unavailable') this.#facts = facts;
    const record = this.#record;
    if (!fresh || !record) return;
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
   * Puts the adapter of a run's step to work; step 0 is the imported one that it starts from, or the model without one.
   * @throws InputError when its checkpoint or its file is gone.
   */
  async workWith(run: string, step: number): Promise<void> {
    const from = this.#runs.find(run)?.from;
    if (step === 0) {
      await (from ? this.#engine.adapter.import(await this.#bytesOf(from)) : this.#engine.adapter.reset());
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
    if (record) await this.#engine.adapter.import(await this.#bytesOf(record));
    else await this.#engine.adapter.reset();
  }

  /**
   * Puts an adapter of a file to work, and keeps the file for the next visit and for runs that start from it.
   * @throws InputError when it cannot be used; the one at work stays.
   */
  async adopt(bytes: Uint8Array, name?: string): Promise<AdapterFacts> {
    const facts = await this.#engine.adapter.import(bytes);
    const { r, lora_alpha, target_modules } = facts.lora;
    const key = adapterKey(await contentId(new Blob([new Uint8Array(bytes)])));
    this.#imported = { key, bytes };
    const imported = { key, ...(name && { name }), lora: { r, lora_alpha, target_modules } };
    this.#store.update((state) => withAdapter(state, { ...imported, step: facts.step }));
    await this.#files.put(key, ADAPTER_NAME, bytes);
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

  /** @throws InputError when the browser has lost them. */
  async #bytesOf({ key, name }: ImportedAdapter): Promise<Uint8Array> {
    if (this.#imported?.key === key) return this.#imported.bytes;
    const bytes = await this.#files.get(key, ADAPTER_NAME);
    if (!(bytes instanceof Uint8Array)) {
      throw new InputError(
        `The file of the imported adapter${name ? ` (${name})` : ''} is gone from this browser. Import it again, or press Reset to start with a fresh adapter.`,
      );
    }
    this.#imported = { key, bytes };
    return bytes;
  }

  #forget(): void {
    this.#store.update((state) => withAdapter(state, null));
  }
}
