/** The checkpoints of runs in the browser's storage: which are kept, and the newest always at hand in memory. */
import type { TrainingCheckpoint } from '../../engine/engine.ts';
import type { RunFiles } from '../persistence.ts';
import type { RunRecord } from '../state.ts';
import { asStored } from './ending.ts';
import { readCheckpoint, readMetrics, readTracks } from './files.ts';
import { RunHistory } from './history.ts';
import { MetricsLog } from './metrics.ts';
import { PairTracks } from './tracks.ts';

/** Room for the checkpoints of one run. */
const MOST_BYTES = 256 * 2 ** 20;
const MOST = 12;

/** Name of the file of a step's checkpoint. */
export const checkpointFile = (step: number): string => `step-${step}`;
/** The other files of a run. */
export const RUN_FILES = ['metrics', 'tracks'] as const;
const stepOf = (name: string): number | undefined => Number(/^step-(\d+)$/.exec(name)?.[1]) || undefined;

const sizeOf = ({ values, firstMoments, secondMoments }: TrainingCheckpoint): number =>
  values.byteLength + firstMoments.byteLength + secondMoments.byteLength;

/**
 * The step to forget so that the rest lies most evenly: never the last, which was just reached, and never the pinned one.
 * There are at least three, or two without the pinned one among them.
 */
export function stepToForget(steps: readonly number[], pinned?: number): number {
  const gap = (i: number) => steps[i + 1] - (i > 0 ? steps[i - 1] : 0);
  const inner = steps
    .slice(0, -1)
    .map((_, i) => i)
    .filter((i) => steps[i] !== pinned);
  return steps[inner.reduce((least, i) => (gap(i) < gap(least) ? i : least))];
}

export class Checkpoints {
  #files: RunFiles;
  #newest: { readonly run: string; readonly checkpoint: TrainingCheckpoint } | null = null;

  constructor(files: RunFiles) {
    this.#files = files;
  }

  /**
   * Keeps a checkpoint with the history so far: in memory, and in the storage where that has room. Checkpoints of later
   * steps are forgotten, because the run went back.
   * @param pinned step that is not thinned out: the best one, which somebody may want back.
   * @returns the steps one can go back to from now on, which are those in the storage.
   */
  async keep(
    { id: run, checkpoints: steps }: Pick<RunRecord, 'id' | 'checkpoints'>,
    checkpoint: TrainingCheckpoint,
    { log, tracks }: RunHistory,
    pinned?: number,
  ): Promise<readonly number[]> {
    this.#newest = { run, checkpoint };
    const { step } = checkpoint;
    // A page that dies in between has curves that are too long, which are cut at the next visit, not ones with a gap.
    await this.#files.put(run, 'metrics', log.snapshot());
    await this.#files.put(run, 'tracks', tracks.snapshot());
    const stored = await this.#files.put(run, checkpointFile(step), checkpoint);
    await this.forgetAfter(run, steps, step);
    const kept = steps.filter((each) => each < step);
    if (stored) kept.push(step);
    const most = Math.max(2, Math.min(MOST, Math.floor(MOST_BYTES / Math.max(1, sizeOf(checkpoint)))));
    while (kept.length > most) {
      const least = stepToForget(kept, pinned);
      kept.splice(kept.indexOf(least), 1);
      await this.#files.remove(run, checkpointFile(least));
    }
    return kept;
  }

  /** The checkpoint of that step if it is in memory: the one last kept or fetched. */
  atHand(run: string, step: number): TrainingCheckpoint | undefined {
    return this.#newest?.run === run && this.#newest.checkpoint.step === step ? this.#newest.checkpoint : undefined;
  }

  /** The checkpoint of that step, if it is still there. */
  async get(run: string, step: number): Promise<TrainingCheckpoint | undefined> {
    const known = this.atHand(run, step);
    if (known) return known;
    const checkpoint = readCheckpoint(await this.#files.get(run, checkpointFile(step)));
    if (checkpoint) this.#newest = { run, checkpoint };
    return checkpoint;
  }

  /** The steps of a run whose checkpoints are stored, in order. */
  async #readable(run: string, look: boolean): Promise<number[]> {
    const names = await this.#files.names(run);
    const steps = names.flatMap((name) => stepOf(name) ?? []).sort((a, b) => a - b);
    while (look && steps.length > 0 && !(await this.get(run, steps.at(-1)!))) steps.pop();
    return steps;
  }

  /**
   * A run as the storage has it: what to change of its record, and its history up to the step where it stands then.
   * @param look whether the newest checkpoint is read as well: one that is damaged is none
   */
  async recover(run: RunRecord, look: boolean): Promise<{ changes: Partial<RunRecord>; history: RunHistory }> {
    const changes = asStored(run, await this.#readable(run.id, look));
    const history = await this.#history(run.id);
    history.truncate(changes.step ?? run.step);
    return { changes, history };
  }

  /** The newest of these steps that is still there; 0 for none. */
  async newest(run: string, steps: readonly number[]): Promise<number> {
    for (const step of [...steps].reverse()) if (await this.get(run, step)) return step;
    return 0;
  }

  /** Forgets the steps after `step`: the run goes on from there. */
  async forgetAfter(run: string, steps: readonly number[], step: number): Promise<void> {
    for (const each of steps) if (each > step) await this.#files.remove(run, checkpointFile(each));
  }

  async #history(run: string): Promise<RunHistory> {
    const metrics = readMetrics(await this.#files.get(run, 'metrics'));
    const tracks = readTracks(await this.#files.get(run, 'tracks'));
    return new RunHistory(new MetricsLog(metrics), new PairTracks(tracks));
  }

  keepOnly(runs: readonly string[]): Promise<void> {
    return this.#files.keepOnly(runs);
  }
}
