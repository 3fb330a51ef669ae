/**
 * The workspace as one file: a ZIP with `workspace.json` (settings, pictures with their scenes, pairs, answers, runs, the
 * adapter), `images/<id>`, `runs/<id>/<file>` (curves and checkpoints, as `pack` writes them) and `adapters/<key>.zip`
 * (imported adapters, as they came).
 */
import { MOST_UNPACKED, zip } from '../../zip.ts';
import type { ImageLibrary } from '../images.ts';
import { pack, withAllNumbers } from '../persistence/packed.ts';
import type { RunFiles } from '../persistence.ts';
import type { AppState, RunRecord } from '../state.ts';
import { ADAPTER_NAME } from '../training/adapter.ts';
import { checkpointFile, RUN_FILES } from '../training/checkpoints.ts';

export const FORMAT = 'margin-workspace';
/** 1: settings, pictures and pairs without scores (Margin 0.1). 2: everything. */
export const VERSION = 2;
export const INDEX = 'workspace.json';

/** Most room for checkpoints in one file; less where pictures need it, because the file must open again in a page. */
const MOST_CHECKPOINT_BYTES = 512 * 2 ** 20;

export interface WorkspaceFile {
  readonly file: Blob;
  /** Checkpoints that found no room in it. */
  readonly left: number;
  /** Whether it can be opened here: even without checkpoints there may be more in it than is read at once. */
  readonly opens: boolean;
}

/** Checkpoints by what is needed first: the one in use, the newest of every run, then back in time. */
function wanted({ training, adapter }: AppState): { readonly run: RunRecord; readonly step: number }[] {
  const all = training.runs.flatMap((run) =>
    [...run.checkpoints].reverse().map((step, age) => ({
      run,
      step,
      rank: adapter?.run === run.id && adapter.step === step ? -1 : age,
    })),
  );
  return all.sort((a, b) => a.rank - b.rank);
}

const bytesOf = (files: ReadonlyMap<string, Blob>): number =>
  [...files.values()].reduce((sum, { size }) => sum + size, 0);

/** @param checkpoints steps of a run whose checkpoints are in the file. */
function indexOf(state: AppState, checkpoints: (run: RunRecord) => readonly number[]): Blob {
  const { settings, images, selectedImage, selectedPair, pairs, candidates, training, adapter } = state;
  const index = {
    format: FORMAT,
    version: VERSION,
    settings,
    images,
    selectedImage,
    selectedPair,
    pairs,
    candidates,
    runs: training.runs.map((run) => ({ ...run, checkpoints: checkpoints(run) })),
    run: training.run,
    adapter,
  };
  return new Blob([JSON.stringify(index, withAllNumbers, 1)]);
}

export async function writeWorkspace(
  state: AppState,
  images: ImageLibrary,
  runFiles: RunFiles,
): Promise<WorkspaceFile> {
  const files = new Map<string, Blob>([[INDEX, new Blob()]]);
  for (const { id } of state.images) if (images.has(id)) files.set(`images/${id}`, await images.blob(id));

  const { runs } = state.training;
  for (const { id } of runs) {
    for (const name of RUN_FILES) {
      const value = await runFiles.get(id, name);
      if (value !== undefined) files.set(`runs/${id}/${name}`, pack(value));
    }
  }
  const { adapter } = state;
  const imported = runs.flatMap(({ from }) => from?.key ?? []);
  if (adapter && adapter.run === undefined) imported.push(adapter.key);
  for (const key of new Set(imported)) {
    const value = await runFiles.get(key, ADAPTER_NAME);
    if (value instanceof Uint8Array) files.set(`adapters/${key}.zip`, new Blob([new Uint8Array(value)]));
  }

  const most = MOST_UNPACKED - bytesOf(files) - indexOf(state, ({ checkpoints }) => checkpoints).size;
  const room = Math.min(MOST_CHECKPOINT_BYTES, most);
  let bytes = 0;
  let left = 0;
  const kept = new Map<string, number[]>(runs.map(({ id }) => [id, []]));
  for (const { run, step } of wanted(state)) {
    const value = await runFiles.get(run.id, checkpointFile(step));
    if (value === undefined) continue;
    const packed = pack(value);
    if (bytes + packed.size > room) {
      left += 1;
      continue;
    }
    bytes += packed.size;
    files.set(`runs/${run.id}/${checkpointFile(step)}`, packed);
    kept.get(run.id)?.push(step);
  }
  files.set(
    INDEX,
    indexOf(state, ({ id }) => kept.get(id)?.sort((a, b) => a - b) ?? []),
  );
  return { file: await zip(files), left, opens: bytesOf(files) <= MOST_UNPACKED };
}
