/** Two pages have worked on from one state: the work of both as one, when the second begins to save. */
import { newId } from '../context.ts';
import { repairSelections } from '../history.ts';
import type { AppState, CandidateRecord, PairRecord, Settings } from '../state.ts';

type Identified = { readonly id: string };

const same = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);
const byId = <T extends Identified>(list: readonly T[]) => new Map(list.map((record) => [record.id, record]));

/**
 * Three lists as one. Where only one side has changed or deleted a record since `base`, that side is right; where both
 * have, what is stored is, and `keepBoth` may give this page's under another id. A deleted record that the other side
 * changed stays.
 */
function mergeLists<T extends Identified>(
  base: readonly T[],
  mine: readonly T[],
  theirs: readonly T[],
  keepBoth: (mine: T, theirs: T) => readonly T[] = (_, stored) => [stored],
): T[] {
  const [before, here] = [byId(base), byId(mine)];
  const stored = byId(theirs);
  const kept = theirs.flatMap((record) => {
    const [old, own] = [before.get(record.id), here.get(record.id)];
    if (!own) return old && same(old, record) ? [] : [record];
    if (same(own, record) || (old && same(own, old))) return [record];
    return old && same(old, record) ? [own] : keepBoth(own, record);
  });
  const added = mine.filter((record) => {
    const old = before.get(record.id);
    return !stored.has(record.id) && !(old && same(old, record));
  });
  return [...kept, ...added];
}

/** What a person wrote of a pair; what models make of it follows. */
const written = ({ prompt, chosen, rejected, verdict, given }: PairRecord) => [
  prompt,
  chosen,
  rejected,
  verdict,
  given ?? null,
];

const bothPairs = (mine: PairRecord, theirs: PairRecord): readonly PairRecord[] =>
  same(written(mine), written(theirs)) ? [theirs] : [theirs, { ...mine, id: newId('pair') }];

/** The settings of this page, and of those untouched here what is stored. Models stay: they are loaded. */
function mergeSettings(base: Settings, mine: Settings, theirs: Settings): Settings {
  const untouched = Object.entries(theirs).filter(([key]) => {
    const setting = key as keyof Settings;
    return setting !== 'vlm' && setting !== 'clip' && same(mine[setting], base[setting]);
  });
  return { ...mine, ...Object.fromEntries(untouched) };
}

const isStreaming = ({ status }: CandidateRecord) => status === 'streaming';

/** The records with those that are under way here as they are here. */
function asHere<T extends Identified>(merged: readonly T[], mine: readonly T[], isBusy: (record: T) => boolean): T[] {
  const busy = byId(mine.filter(isBusy));
  const there = new Set(merged.map(({ id }) => id));
  return [
    ...merged.map((record) => busy.get(record.id) ?? record),
    ...[...busy.values()].filter(({ id }) => !there.has(id)),
  ];
}

/**
 * @param base what both began with
 * @param mine the state of this page
 * @param theirs what is stored now, as a state
 */
export function mergeWork(base: AppState, mine: AppState, theirs: AppState): AppState {
  const candidates = asHere(
    mergeLists(base.candidates, mine.candidates, theirs.candidates),
    mine.candidates,
    isStreaming,
  );
  const pairs = mergeLists(base.pairs, mine.pairs, theirs.pairs, bothPairs);
  // Nothing loses its picture.
  const needed = new Set([...candidates, ...pairs].map(({ imageId }) => imageId));
  const images = mergeLists(base.images, mine.images, theirs.images);
  const there = new Set(images.map(({ id }) => id));
  const back = mine.images.filter(({ id }) => needed.has(id) && !there.has(id));
  const busy = mine.training.phase !== 'idle';
  const runs = asHere(
    mergeLists(base.training.runs, mine.training.runs, theirs.training.runs),
    mine.training.runs,
    ({ id }) => busy && id === mine.training.run,
  );
  const ownAdapter = busy || mine.settings.vlm !== theirs.settings.vlm || mine.adapter?.key !== base.adapter?.key;
  return repairSelections({
    ...mine,
    settings: mergeSettings(base.settings, mine.settings, theirs.settings),
    images: [...images, ...back],
    candidates,
    pairs,
    adapter: ownAdapter ? mine.adapter : theirs.adapter,
    training: { ...mine.training, runs, run: ownAdapter ? mine.training.run : theirs.training.run },
  });
}
