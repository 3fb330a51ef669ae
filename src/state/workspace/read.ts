/** A workspace file, read: every record is looked at, and what cannot be used is counted with its reason. */

import { isObject, shown as shownValue } from '../../check.ts';
import { InputError } from '../../errors.ts';
import { unzip } from '../../zip.ts';
import { count, sentence } from '../context.ts';
import { contentId, decodeImage } from '../decode.ts';
import type { ImageLibrary } from '../images.ts';
import { asNumbers, unpack } from '../persistence/packed.ts';
import { revive } from '../persistence/restored.ts';
import { sceneImage } from '../scenes.ts';
import { adapterSchema, candidateSchema, pairSchema, readRecord, readRecords, runSchema } from '../schemas.ts';
import type { AdapterRecord, CandidateRecord, ImageRecord, PairRecord, RunRecord, Settings } from '../state.ts';
import { adapterKey } from '../training/adapter.ts';
import { checkpointFile } from '../training/checkpoints.ts';
import { readCheckpoint, readMetrics, readTracks } from '../training/files.ts';
import { validScene, validSettings } from '../validate.ts';
import { FORMAT, INDEX, VERSION } from './write.ts';

/** A run with the files that belong to it, by name. */
export interface ReadRun {
  readonly record: RunRecord;
  readonly files: ReadonlyMap<string, unknown>;
}

export interface ReadWorkspace {
  readonly settings: Partial<Settings>;
  readonly images: readonly ImageRecord[];
  readonly pairs: readonly PairRecord[];
  readonly candidates: readonly CandidateRecord[];
  readonly runs: readonly ReadRun[];
  readonly run: string | null;
  readonly adapter: AdapterRecord | null;
  /** Files of imported adapters by key. */
  readonly adapters: ReadonlyMap<string, Uint8Array>;
  /** What was left out, as sentences. */
  readonly losses: readonly string[];
}

type Files = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
type Json = Record<string, unknown>;

/** @throws InputError when it is none, or one of another version. */
function readIndex(files: Files): Json {
  const bytes = files.get(INDEX);
  let index: unknown;
  try {
    index = bytes && JSON.parse(new TextDecoder().decode(bytes), asNumbers);
  } catch {
    throw new InputError('Its workspace.json is damaged.');
  }
  if (!isObject(index) || index.format !== FORMAT) {
    throw new InputError('It is not a Margin workspace: it has no workspace.json from Margin.');
  }
  if (index.version !== 1 && index.version !== VERSION) {
    throw new InputError(`It was made by another version of Margin (format ${shownValue(index.version)}).`);
  }
  return index;
}

/** "2 pairs could not be read (chosen is empty; verdict: ...)." */
function lossOf(noun: string, whys: readonly string[]): string[] {
  if (whys.length === 0) return [];
  const reasons = [...new Set(whys)];
  const shown = `${reasons.slice(0, 3).join('; ')}${reasons.length > 3 ? '; ...' : ''}`;
  return [`${count(whys.length, noun)} could not be read (${shown}).`];
}

async function readImages(
  listed: unknown,
  files: Files,
  images: ImageLibrary,
  report: (done: number, total: number) => void,
) {
  const records: ImageRecord[] = [];
  const ids = new Map<string, string>();
  const problems: string[] = [];
  const list = Array.isArray(listed) ? listed : [];
  for (const [index, entry] of list.entries()) {
    report(index, list.length);
    if (!isObject(entry) || typeof entry.id !== 'string') {
      problems.push('1 picture could not be read (it has no id).');
      continue;
    }
    const name = typeof entry.name === 'string' ? entry.name.slice(0, 300) : 'picture';
    const bytes = files.get(`images/${entry.id}`);
    try {
      const scene = validScene(entry.scene);
      if (!bytes && !scene) throw new InputError(`${name} is missing from the file.`);
      // A scene is drawn again, so that its picture and its truth cannot disagree.
      const decoded = scene ? await sceneImage(scene) : await decodeImage(new Blob([bytes!]), name);
      await images.put(decoded.id, decoded.blob, decoded.preview);
      const { id, width, height, blob } = decoded;
      if (![...ids.values()].includes(id)) {
        records.push({ id, name, width, height, bytes: blob.size, ...(scene ? { scene } : {}) });
      }
      ids.set(entry.id, id);
    } catch (error) {
      problems.push(sentence(error));
    }
  }
  return { records, ids, problems };
}

/** A run's files that can be read; its record says no more than these. */
function readRun(record: RunRecord, files: Files): ReadRun {
  const found = new Map<string, unknown>();
  const read = <T>(name: string, look: (value: unknown) => T | undefined): T | undefined => {
    const bytes = files.get(`runs/${record.id}/${name}`);
    let value: T | undefined;
    try {
      value = bytes && look(unpack(bytes.slice().buffer));
    } catch {
      return undefined; // damaged: as if it were not there
    }
    if (value !== undefined) found.set(name, value);
    return value;
  };
  read('metrics', readMetrics);
  read('tracks', readTracks);
  const checkpoints = record.checkpoints.filter((step) => read(checkpointFile(step), readCheckpoint)?.step === step);
  const { status } = record;
  return { record: { ...record, checkpoints, status: status === 'running' ? 'paused' : status }, files: found };
}

async function readAdapters(files: Files): Promise<Map<string, Uint8Array>> {
  const adapters = new Map<string, Uint8Array>();
  for (const [name, bytes] of files) {
    const key = /^adapters\/([\w-]+)\.zip$/.exec(name)?.[1];
    // The key is that of the bytes, so that no file can pass for another.
    if (key && key === adapterKey(await contentId(new Blob([bytes])))) adapters.set(key, bytes);
  }
  return adapters;
}

/**
 * Reads a workspace file. Its pictures go into the library, where nothing names them yet.
 * @throws InputError when it is not a workspace file, or one of another version.
 */
export async function readWorkspace(
  file: Blob,
  images: ImageLibrary,
  report: (done: number, total: number) => void,
): Promise<ReadWorkspace> {
  const files = await unzip(file);
  const index = readIndex(files);
  const { records, ids, problems } = await readImages(index.images, files, images, report);
  const pictured = <T extends { readonly imageId: string }>(list: readonly T[]): T[] =>
    list.flatMap((record) => {
      const imageId = ids.get(record.imageId);
      return imageId ? [{ ...record, imageId }] : [];
    });
  const whys = <T>(
    { good, bad }: { good: readonly T[]; bad: readonly { readonly why: string }[] },
    kept: readonly T[],
  ) => [
    ...bad.map(({ why }) => why),
    ...Array.from({ length: good.length - kept.length }, () => 'its picture is missing'),
  ];
  const readPairs = readRecords<PairRecord>(pairSchema, index.pairs);
  const pairs = pictured(readPairs.good);
  const readCandidates = readRecords<CandidateRecord>(candidateSchema, index.candidates);
  const candidates = pictured(readCandidates.good.map(revive));
  const readRuns = readRecords<RunRecord>(runSchema, index.runs);
  const runs = readRuns.good.map((record) => readRun(record, files));
  const adapter = index.adapter ? readRecord<AdapterRecord>(adapterSchema, index.adapter) : null;
  return {
    settings: validSettings(index.settings),
    images: records,
    pairs,
    candidates,
    runs,
    run: typeof index.run === 'string' ? index.run : null,
    adapter: adapter && 'good' in adapter ? adapter.good : null,
    adapters: await readAdapters(files),
    losses: [
      ...problems,
      ...lossOf('pair', whys(readPairs, pairs)),
      ...lossOf('answer', whys(readCandidates, candidates)),
      ...lossOf(
        'run',
        readRuns.bad.map(({ why }) => why),
      ),
      ...(adapter && 'why' in adapter ? lossOf('adapter', [adapter.why]) : []),
    ],
  };
}
