/** A workspace file joined to the work that is here: the same record is there once, another one of the same id twice. */
import { newId } from '../context.ts';
import type { AdapterRecord, AppState, CandidateRecord, PairRecord, RunRecord } from '../state.ts';
import { MOST_RUNS, withAdapter } from '../training/records.ts';
import type { ReadRun, ReadWorkspace } from './read.ts';

type Identified = { readonly id: string };

/** The id under which a record is here already, or the one it gets here: another one where its own is taken. */
function idHere<T extends Identified>(
  here: readonly T[],
  record: T,
  prefix: string,
  essence: (record: T) => unknown,
): { readonly id: string; readonly isNew: boolean } {
  const wanted = JSON.stringify(essence(record));
  const same = (other: T) => JSON.stringify(essence(other)) === wanted;
  const other = here.find(({ id }) => id === record.id);
  if (!other) return { id: record.id, isNew: true };
  // Perhaps it came before, and got another id then.
  const known = same(other) ? other : here.find(same);
  return known ? { id: known.id, isNew: false } : { id: newId(prefix), isNew: true };
}

function fresh<T extends Identified>(
  here: readonly T[],
  read: readonly T[],
  prefix: string,
  essence: (record: T) => unknown,
): T[] {
  return read.flatMap((record) => {
    const { id, isNew } = idHere(here, record, prefix, essence);
    return isNew ? [id === record.id ? record : { ...record, id }] : [];
  });
}

const pairEssence = ({ imageId, prompt, chosen, rejected, verdict, given }: PairRecord) => [
  imageId,
  prompt,
  chosen,
  rejected,
  verdict,
  given?.chosen ?? null,
  given?.rejected ?? null,
];
const candidateEssence = ({ imageId, prompt, text }: CandidateRecord) => [imageId, prompt, text];
const runEssence = ({ vlm, objective, hyperparameters, settings, pairsKey, step }: RunRecord) => [
  vlm,
  objective,
  hyperparameters,
  settings,
  pairsKey,
  step,
];

/** Runs to add, the id here of every run of the file, and how many there is no room for. */
export function freshRuns(
  { training }: AppState,
  read: ReadWorkspace,
): { runs: ReadRun[]; ids: ReadonlyMap<string, string>; left: number } {
  const here = training.runs;
  const ids = new Map<string, string>();
  const added: ReadRun[] = [];
  // The newest say most, where there is no room for all.
  let room = Math.max(0, MOST_RUNS - here.length);
  let left = 0;
  for (const { record, files } of [...read.runs].reverse()) {
    const { id, isNew } = idHere(here, record, 'run', runEssence);
    if (isNew && room === 0) {
      left += 1;
      continue;
    }
    ids.set(record.id, id);
    if (!isNew) continue;
    room -= 1;
    added.unshift({ record: { ...record, id }, files });
  }
  const ordinal = Math.max(0, ...here.map((run) => run.ordinal));
  const taken = new Set(here.map((run) => run.ordinal));
  // A run keeps its number where that is free.
  const clash = added.some(({ record }) => taken.has(record.ordinal));
  const runs = added.map(({ record, files }, i) => ({
    record: clash ? { ...record, ordinal: ordinal + i + 1 } : record,
    files,
  }));
  return { runs, ids, left };
}

/** What the file's models said of an answer, where those here would say it too; the rest is computed. */
function asHere(candidate: CandidateRecord, samePolicy: boolean, sameClip: boolean): CandidateRecord {
  if (!candidate.text.trim() || (samePolicy && sameClip)) return candidate;
  const policy = samePolicy ? {} : { tokens: [], logpSum: 0, reference: undefined };
  const clip = sameClip ? {} : { clip: undefined };
  return { ...candidate, ...policy, ...clip, status: 'scoring', error: undefined };
}

export interface Joining {
  readonly read: ReadWorkspace;
  readonly runs: readonly ReadRun[];
  /** The adapter to use from now on; undefined keeps the one here. */
  readonly adapter: AdapterRecord | undefined;
  /** The run that Train continues, where the adapter comes from the file. */
  readonly run: string | null;
}

export function withWorkspace(state: AppState, { read, runs, adapter, run }: Joining): AppState {
  const { vlm, clip, ...settings } = read.settings;
  const next = adapter ? withAdapter(state, adapter) : state;
  const samePolicy = vlm === state.settings.vlm && read.adapter?.key === next.adapter?.key;
  const sameClip = clip === state.settings.clip;
  const known = new Set(state.images.map(({ id }) => id));
  const candidates = fresh(next.candidates, read.candidates, 'answer', candidateEssence);
  return {
    ...next,
    settings: { ...next.settings, ...settings },
    images: [...next.images, ...read.images.filter(({ id }) => !known.has(id))],
    candidates: [...next.candidates, ...candidates.map((candidate) => asHere(candidate, samePolicy, sameClip))],
    pairs: [...next.pairs, ...fresh(next.pairs, read.pairs, 'pair', pairEssence)],
    selectedImage: next.selectedImage ?? read.images[0]?.id ?? null,
    training: {
      ...next.training,
      runs: [...next.training.runs, ...runs.map(({ record }) => record)],
      ...(adapter && { run }),
    },
  };
}
