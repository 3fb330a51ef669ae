/**
 * Training as the page sees it: runs are started, paused, continued and rewound; metrics go to append-only columns
 * outside the state, checkpoints to the browser's storage.
 */
import type { AdapterFacts, Engine, EngineState, PairRow } from '../engine/engine.ts';
import { CancelledError, InputError } from '../errors.ts';
import { examinationFor } from '../preference/examinations.ts';
import { notify, sentence } from './context.ts';
import type { ImageLibrary } from './images.ts';
import type { RunFiles } from './persistence.ts';
import { withPageNames } from './scores.ts';
import type { Sights } from './sights.ts';
import type { AppState, PairRecord, RunRecord, TrainingState } from './state.ts';
import type { Store } from './store.ts';
import { AdapterAtWork } from './training/adapter.ts';
import { Checkpoints } from './training/checkpoints.ts';
import { Driver, type Progress } from './training/driver.ts';
import { endedBy } from './training/ending.ts';
import { Examiner } from './training/examiner.ts';
import type { FileFor } from './training/forecast.ts';
import { RunHistories, type Tried } from './training/history.ts';
import { engineItems, itemsOf, type RunItems } from './training/inputs.ts';
import type { MetricsLog } from './training/metrics.ts';
import { enginePrompts, trainablePrompts, withTruths } from './training/prompts.ts';
import { RunRecords } from './training/records.ts';
import {
  intendedRun,
  type RunIntent,
  runToContinue,
  type TrainOptions,
  trainablePairs,
  whyNotTrain,
} from './training/run.ts';
import { SeenPairs } from './training/seen.ts';
import { DEFAULT_TRAINING } from './training/settings.ts';
import type { PairTracks } from './training/tracks.ts';
import { worldLoaded } from './worlds.ts';

export type { TrainOptions } from './training/run.ts';

export class Training {
  #store: Store<AppState>;
  #images: ImageLibrary;
  #sights: Sights;
  #needed: () => readonly string[];
  #checkpoints: Checkpoints;
  #runs: RunRecords;
  #adapter: AdapterAtWork;
  #driver: Driver;
  #histories = new RunHistories();
  #seen = new SeenPairs();
  #listeners = new Set<() => void>();
  #controller: AbortController | null = null;
  #ended: Promise<unknown> = Promise.resolve();

  /** Progress of the phase under way, where it has a known length. */
  progress: Progress | null = null;

  /** @param needed run files that something beside the runs still needs: undo, for one */
  constructor(
    store: Store<AppState>,
    engine: Engine,
    images: ImageLibrary,
    sights: Sights,
    files: RunFiles,
    needed: () => readonly string[] = () => [],
  ) {
    this.#needed = needed;
    this.#store = store;
    this.#images = images;
    this.#sights = sights;
    this.#checkpoints = new Checkpoints(files);
    this.#runs = new RunRecords(store);
    const failed = (error: unknown) => this.#say(error);
    this.#adapter = new AdapterAtWork(store, engine, this.#runs, this.#checkpoints, files, failed);
    this.#driver = new Driver(engine, this.#runs, this.#checkpoints, new Examiner(engine), {
      history: (run) => this.#histories.of(run),
      stepped: (run, metrics) => {
        this.#histories.of(run).append(metrics);
        if (this.#runs.evict()) void this.#keepFiles();
        this.#seen.saw(metrics, this.tracks(run).ids, store.state);
      },
      progressed: (progress) => this.#setProgress(progress),
      workWith: (run, step) => this.#adapter.workWith(run, step),
      failed: (error, before) => this.#say(error, before),
    });
  }

  /** Called after every step and every progress; returns the unsubscribe function. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The metrics of a run; empty for one that is unknown. */
  log(run: string): MetricsLog {
    return this.#histories.of(run).log;
  }

  /** Where the pairs of a run have been; empty for one that is unknown. */
  tracks(run: string): PairTracks {
    return this.#histories.of(run).tracks;
  }

  /** What the newest step of a run sampled to one of its prompts; undefined where it sampled nothing on this visit. */
  tried(run: string): Tried | undefined {
    return this.#histories.of(run).tried;
  }

  /** A pair's row as the run under way last saw it, until the pair is scored anew; undefined where there is none. */
  rowSeen(pair: PairRecord): PairRow | undefined {
    return this.#seen.row(pair, this.#store.state);
  }

  /** The file of the adapter that a run takes its next step from, as `AdapterAtWork.fileFor`. */
  readonly fileFor: FileFor = (run) => this.#adapter.fileFor(run);

  /** The run that Train continues or that is under way. */
  get run(): RunRecord | undefined {
    return this.#runs.present;
  }

  /** Fetches what earlier visits left: metrics for the curves, the present run's checkpoint for the engine. */
  async restore(): Promise<void> {
    const { runs } = this.#runs.state;
    for (const { id } of runs) await this.#fetch(id);
    this.#catchUp();
    await this.#adapter.restore();
    void this.#keepFiles();
  }

  /**
   * The state has other runs or another adapter than before, of another tab, a file or an undo: metrics are fetched, the
   * engine gets the adapter. What is under way here is left alone.
   */
  async sync(): Promise<void> {
    const { runs, run: present, phase } = this.#runs.state;
    const busy = phase !== 'idle';
    for (const run of runs) {
      const isOwn = this.log(run.id).length > 0 && this.log(run.id).step >= run.step;
      if (!isOwn && !(busy && run.id === present)) await this.#fetch(run.id);
    }
    if (busy) return;
    this.#catchUp();
    await this.#adapter.restore();
    await this.#adapter.again().catch(async (error) => {
      this.#say(error);
      await this.#adapter.reset();
    });
    this.#tell();
  }

  /** A run that a closed tab ended may be ahead of the adapter that is recorded as active. */
  #catchUp(): void {
    const { run } = this;
    if (run && run.step > 0 && run.status !== 'stopped') this.#runs.atWork(run.id, run.step);
  }

  async #fetch(id: string): Promise<void> {
    const { changes, history } = await this.#checkpoints.recover(this.#runs.find(id)!, id === this.#runs.state.run);
    this.#runs.change(id, changes);
    this.#histories.set(id, history);
  }

  /** A fresh engine has no adapter: the one at work goes back in before anything else is asked of it. */
  engineChanged(engine: EngineState): void {
    this.#adapter.engineChanged(engine);
  }

  /**
   * Continues the present run, or starts a new one where anything that matters differs. Settles when the run pauses or
   * ends, with its record.
   * @throws InputError when it cannot start; whatever stopped it otherwise.
   */
  train(options: TrainOptions = {}): Promise<RunRecord | undefined> {
    const why = whyNotTrain(this.#store.state, options.objective);
    if (why) return Promise.reject(new InputError(why));
    const ended = this.#train(options);
    this.#ended = ended.catch(() => {});
    return ended;
  }

  /** Ends the step, the examination or the comparison under way; what is done stays. */
  pause(): void {
    if (!this.#controller || this.#controller.signal.aborted) return;
    this.#runs.set({ phase: 'pausing' });
    this.#controller.abort();
  }

  /** Leaves out the examination under way; the run goes on. */
  skipExamination(): void {
    this.#driver.skipExamination();
  }

  /** Pauses, and settles when nothing is under way any more. */
  async idle(): Promise<void> {
    this.pause();
    await this.#ended;
  }

  /** The policy becomes the reference again, the next run has a fresh adapter. The runs so far stay to compare with. */
  async reset(): Promise<void> {
    await this.idle();
    await this.#adapter.reset();
    this.#runs.set({ run: null, comparison: null });
    await this.#keepFiles();
  }

  /**
   * Goes back to a step of the present run; Train repeats what followed, with the same seed and order.
   * @throws InputError when that checkpoint is gone.
   */
  async rewind(step: number): Promise<void> {
    await this.idle();
    const { run } = this;
    if (!run) return;
    await this.#adapter.workWith(run.id, step);
    this.#histories.of(run.id).truncate(step);
    await this.#checkpoints.forgetAfter(run.id, run.checkpoints, step);
    this.#runs.change(run.id, {
      step,
      status: 'paused',
      message: undefined,
      checkpoints: run.checkpoints.filter((each) => each <= step),
      heldOut: run.heldOut.filter((point) => point.step <= step),
      divergence: run.divergence?.filter((point) => point.step <= step),
    });
    this.#tell();
  }

  /** Forgets a run. The adapter of the present one goes with it. */
  async forget(id: string): Promise<void> {
    if (this.#runs.state.run === id) await this.reset();
    this.#runs.remove(id, this.#runs.state.run);
    await this.#keepFiles();
    this.#tell();
  }

  /**
   * Examines reference and policy now, on as many held-out pictures as the settings say, and measures how far apart they
   * are. Who asks has time, so every picture is asked about.
   */
  async examine(): Promise<void> {
    const { run } = this;
    const { engine, settings } = this.#store.state;
    const { training } = settings;
    const world = worldLoaded(engine);
    if (!run || !world || this.#runs.state.phase !== 'idle') return;
    const scenes = Math.min(training.eval_scenes || DEFAULT_TRAINING.eval_scenes, examinationFor(world).most);
    await this.during('evaluating', async (signal) => {
      const prompts = await enginePrompts(trainablePrompts(this.#store.state), this.#images);
      const answers = prompts.length > 0 ? training.kl_answers : 0;
      await this.#driver.look(run.id, prompts, { world, scenes, popeScenes: scenes, answers }, signal);
    });
  }

  /** An adapter came from a file: the next run starts from it. */
  async adopt(bytes: Uint8Array, name?: string): Promise<AdapterFacts> {
    await this.idle();
    const facts = await this.#adapter.adopt(bytes, name);
    this.#runs.set({ run: null, comparison: null });
    await this.#keepFiles();
    return facts;
  }

  /** Runs cancellable work under a phase; progress and phase go when it ends. */
  async during<T>(phase: TrainingState['phase'], work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#controller = new AbortController();
    this.#runs.set({ phase });
    const ended = work(this.#controller.signal);
    this.#ended = ended.catch(() => {});
    try {
      return await ended;
    } finally {
      this.#controller = null;
      this.#setProgress(null);
      this.#runs.set({ phase: 'idle' });
    }
  }

  dispose(): void {
    this.#controller?.abort();
    this.#listeners.clear();
  }

  async #train(options: TrainOptions): Promise<RunRecord | undefined> {
    const { state } = this.#store;
    const intent = intendedRun(state, options);
    const world = worldLoaded(state.engine)!;
    const known = options.fresh ? undefined : runToContinue(state, intent);
    const before = state.training.run;
    const run = known ?? this.#runs.add(intent);
    // Examinations may be asked for differently halfway.
    this.#runs.change(run.id, { status: 'running', message: undefined, settings: intent.settings });
    const outer = options.signal;
    const abort = () => this.pause();
    outer?.addEventListener('abort', abort);
    try {
      await this.during('reference', async (signal) => {
        if (outer?.aborted) throw new CancelledError();
        const items = await this.#withTruths(itemsOf(state, intent), intent, signal);
        this.#seen.clear();
        this.tracks(run.id).begin(items.pairs.map(({ id }) => id));
        this.#histories.of(run.id).prompts = items.prompts ?? [];
        const given = await engineItems(items, this.#images, intent.objective);
        const adapter = await this.fileFor(run);
        const { steps, onStep } = options;
        await this.#driver.drive(run.id, { ...given, adapter, steps, onStep, world, signal });
      });
    } catch (caught) {
      const error = withPageNames(caught, trainablePairs(state), state.pairs);
      if (!(error instanceof CancelledError)) {
        this.#runs.change(run.id, endedBy(error));
        throw error;
      }
      if (this.#runs.find(run.id)?.status === 'running') this.#runs.change(run.id, { status: 'paused' });
    } finally {
      outer?.removeEventListener('abort', abort);
      await this.#settle(run.id, before);
    }
    return this.#runs.find(run.id);
  }

  /** Photographs whose truth the reward goes by are looked at before the first step. */
  async #withTruths(items: RunItems, { reward }: RunIntent, signal: AbortSignal): Promise<RunItems> {
    if (!items.prompts) return items;
    const look = (imageId: string) => this.#sights.of(imageId, { signal });
    const prompts = await withTruths(items.prompts, reward, look, (done, total) =>
      this.#setProgress({ what: 'Looking at the photographs', done, total }),
    );
    this.#setProgress(null);
    return { ...items, prompts };
  }

  /**
   * The log agrees with the newest checkpoint, the adapter with the run. A run of which no step was kept takes nobody's
   * place: what was at work before it, an imported adapter perhaps, is at work again. If it took no step at all, it
   * leaves no trace.
   */
  async #settle(id: string, before: string | null): Promise<void> {
    const run = this.#runs.find(id);
    if (!run) return;
    if (run.step === 0 && this.log(id).length === 0) this.#runs.remove(id, before === id ? null : before);
    else this.#histories.of(id).truncate(run.step);
    if (run.step === 0) await this.#adapter.again().catch((error) => this.#say(error));
    // Early stopping has put the best step to work already.
    else if (run.status !== 'stopped') this.#runs.atWork(id, run.step);
    await this.#keepFiles();
    this.#tell();
  }

  /** Forgets what belongs to no run and not to the adapter at work: runs that left the list, a file taken off work. */
  #keepFiles(): Promise<void> {
    const runs = this.#runs.state.runs.map(({ id }) => id);
    this.#histories.keepOnly(runs);
    return this.#checkpoints.keepOnly([...runs, ...this.#adapter.folders, ...this.#needed()]);
  }

  #setProgress(progress: Training['progress']): void {
    this.progress = progress;
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #say(error: unknown, before = ''): void {
    notify(this.#store, 'error', `${before}${sentence(error)}`);
  }
}
