/** What the page does for persistence: pictures come back, problems are told, work of two tabs becomes one. */
import { count, notify, withoutNotice } from './context.ts';
import type { ImageLibrary } from './images.ts';
import { asState, mergeWork, type PersistenceHost, type PersistenceProblem } from './persistence.ts';
import { sceneImage } from './scenes.ts';
import type { AppState, ImageRecord } from './state.ts';
import type { Store } from './store.ts';
import type { Training } from './training.ts';

const PROBLEMS: Record<PersistenceProblem['kind'], string> = {
  full: 'This browser has no more room for Margin. You can keep working in this tab, and what was saved before is kept, but new work is not saved: export the workspace, or delete some pictures or training runs. Saving resumes by itself as soon as there is room.',
  'other-tab':
    'Margin is already open in another tab, which saves the workspace. What you do here is not saved until that tab closes: then this tab adds its work and saves from then on.',
  failed:
    'This browser refused to store the workspace (a private window, perhaps). Everything works, but closing the tab loses it: export the workspace to keep it. Saving is tried again from time to time.',
};

/** Brings the bytes of stored pictures back. Scenes are drawn again where their bytes are gone; other losses are told. */
export async function fetchPictures(
  store: Store<AppState>,
  images: ImageLibrary,
  stored: readonly ImageRecord[],
): Promise<void> {
  const missing = new Set(await images.preload(stored.map(({ id }) => id)));
  const lost: string[] = [];
  for (const { id, name, scene } of stored) {
    if (!missing.has(id)) continue;
    const drawn = scene && (await sceneImage(scene).catch(() => undefined));
    if (drawn?.id === id) await images.put(id, drawn.blob);
    else lost.push(name);
  }
  if (lost.length === 0) return;
  notify(
    store,
    'error',
    `The browser has deleted ${count(lost.length, 'picture file')}: ${lost.join(', ')}. Pairs and answers were kept; add the pictures again to score them.`,
  );
}

export function persistenceHost(store: Store<AppState>, images: ImageLibrary, training: Training): PersistenceHost {
  let told: { readonly kind: PersistenceProblem['kind']; readonly notice: string } | null = null;
  return {
    problem(problem) {
      const before = told;
      told = null;
      if (before) store.update((state) => withoutNotice(state, before.notice));
      if (problem) {
        const action = problem.kind === 'other-tab' ? 'save here' : undefined;
        told = { kind: problem.kind, notice: notify(store, 'error', PROBLEMS[problem.kind], action) };
      } else if (before && before.kind !== 'other-tab') {
        notify(store, 'success', 'Saving works again. Everything here is saved.');
      }
    },

    setAside(records, kept) {
      const one = records === 1;
      const where = kept
        ? `${one ? 'was' : 'were'} set aside in this browser's storage, unchanged`
        : `${one ? 'lies' : 'lie'} where ${one ? 'it was' : 'they were'}: the browser's storage takes nothing more`;
      notify(
        store,
        'error',
        `${count(records, 'stored record')} could not be read and ${where}. Everything else is here.`,
      );
    },

    async joined(stored, base) {
      const theirs = asState(stored);
      const waited = told?.kind === 'other-tab';
      await fetchPictures(store, images, theirs.images);
      store.update((state) => mergeWork(base, state, theirs));
      await training.sync();
      const { pairs, images: pictures } = store.state;
      const added = <T extends { readonly id: string }>(mine: readonly T[], stored: readonly T[]) => {
        const known = new Set(stored.map(({ id }) => id));
        return mine.filter(({ id }) => !known.has(id)).length;
      };
      const [newPairs, newPictures] = [added(pairs, theirs.pairs), added(pictures, theirs.images)];
      if (waited) {
        const own =
          newPairs + newPictures > 0
            ? `${count(newPairs, 'pair')} and ${count(newPictures, 'picture')} added here were joined to it.`
            : 'Nothing had been added here meanwhile.';
        notify(store, 'success', `This tab saves the workspace from now on. What the other tab saved is here. ${own}`);
      }
      return store.state;
    },

    files: (image) => images.files(image),
  };
}
