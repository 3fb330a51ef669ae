/** Intents on settings, the view and notices. */
import { CancelledError } from '../../errors.ts';
import { taggedLoss } from '../../kernels/losses/families/every.ts';
import { type Context, notify, sentence, withoutNotice } from '../context.ts';
import { clampSetting, type NumericSetting, SETTING_RANGES } from '../defaults.ts';
import { objectiveNamed, refusal } from '../objectives.ts';
import type { AppState, Notice, Settings } from '../state.ts';
import { followObjective } from '../training/settings.ts';

type PlainSetting = Exclude<keyof Settings, 'hyperparameters' | 'training'>;

/** Numbers of another model say nothing about this one: answers on the table are scored anew, pairs by `scoredBy`. */
function forgetScoresOf(state: AppState, key: 'vlm' | 'clip'): AppState {
  return {
    ...state,
    candidates: state.candidates.map((candidate) => {
      if (!candidate.text.trim() || candidate.status === 'streaming') return candidate;
      const gone = key === 'vlm' ? { tokens: [], logpSum: 0, reference: undefined } : { clip: undefined };
      return { ...candidate, ...gone, status: 'scoring', error: undefined } as const;
    }),
    pairs: state.pairs.map((pair) => (pair.error ? { ...pair, error: undefined } : pair)),
  };
}

export function settingsIntents(context: Context) {
  const { store, engine, persistence, training } = context;

  /** Ends the newest load. */
  let loading: AbortController | null = null;

  /** Loads the models of the settings. Returns whether they are at work. */
  const load = async (): Promise<boolean> => {
    const { vlm, clip } = store.state.settings;
    const controller = new AbortController();
    loading = controller;
    try {
      await engine.load({ vlm, clip }, { signal: controller.signal });
      return true;
    } catch (error) {
      // Where the engine became unavailable the page shows that at length; a notice would say it twice.
      if (!(error instanceof CancelledError) && engine.state.kind !== 'unavailable') {
        notify(store, 'error', `${sentence(error)} The models loaded before stay at work.`);
      }
      return false;
    }
  };

  /** Loads another model; where that fails and the one before still works, the page goes back to it. */
  const change = async (key: 'vlm' | 'clip', before: AppState): Promise<void> => {
    const wanted = store.state.settings[key];
    if ((await load()) || engine.state.kind !== 'ready' || store.state.settings[key] !== wanted) return;
    store.update((state) => ({
      ...state,
      settings: { ...state.settings, [key]: before.settings[key] },
      ...(key === 'vlm' && {
        adapter: before.adapter,
        training: { ...state.training, run: before.training.run },
      }),
    }));
  };

  return {
    /** Changes one setting. Numbers are brought into their range; another model is loaded at once. */
    setSetting<K extends PlainSetting>(key: K, value: Settings[K]): void {
      const allowed = key in SETTING_RANGES ? clampSetting(key as NumericSetting, Number(value)) : value;
      if (Object.is(store.state.settings[key], allowed)) return;
      if (key === 'objective' && !objectiveNamed(String(value))) return;
      const before = store.state;
      store.update((state) => {
        const next = { ...state, settings: { ...state.settings, [key]: allowed } };
        if (key === 'objective') {
          const training = followObjective(next.settings.training, state.settings.objective, next.settings.objective);
          return { ...next, settings: { ...next.settings, training } };
        }
        if (key !== 'vlm' && key !== 'clip') return next;
        // An adapter belongs to its model; its run stays in the list.
        const bare = key === 'vlm' ? { ...next, adapter: null, training: { ...next.training, run: null } } : next;
        return forgetScoresOf(bare, key);
      });
      if (key === 'vlm') training.pause();
      if (key === 'vlm' || key === 'clip') void change(key, before);
    },

    /**
     * Changes a hyperparameter of a loss of any family; the default value is not stored. The slider's range is a suggestion:
     * only a value that the objective refuses is refused, with its reason as a notice.
     */
    setHyperparameter(objectiveId: string, key: string, value: number): void {
      const objective = taggedLoss(objectiveId)?.loss;
      if (!objective) return;
      const reason = refusal(objective, store.state.settings, key, value);
      if (reason) {
        notify(store, 'info', `${reason} The old value was kept.`);
        return;
      }
      const initial = objective.hyperparameters.find((each) => each.key === key)?.default;
      store.update((state) => {
        const { [key]: _old, ...others } = state.settings.hyperparameters[objectiveId] ?? {};
        const own = value === initial ? others : { ...others, [key]: value };
        const { [objectiveId]: _all, ...rest } = state.settings.hyperparameters;
        const hyperparameters = Object.keys(own).length > 0 ? { ...rest, [objectiveId]: own } : rest;
        return { ...state, settings: { ...state.settings, hyperparameters } };
      });
    },

    resetHyperparameters(objectiveId: string): void {
      store.update((state) => {
        if (!(objectiveId in state.settings.hyperparameters)) return state;
        const { [objectiveId]: _, ...hyperparameters } = state.settings.hyperparameters;
        return { ...state, settings: { ...state.settings, hyperparameters } };
      });
    },

    /** An address that reproduces the settings and the seed on another machine. */
    link(): string {
      return persistence.link(store.state);
    },

    setTab(tab: AppState['view']['tab']): void {
      store.update((state) => ({ ...state, view: { ...state.view, tab } }));
    },

    openOverlay(overlay: AppState['view']['overlay']): void {
      store.update((state) => ({ ...state, view: { ...state.view, overlay } }));
    },

    closeOverlay(): void {
      store.update((state) => ({ ...state, view: { ...state.view, overlay: 'none', loss: null } }));
    },

    /** Opens the gallery of losses, or the page of one of them. */
    openGallery(loss: string | null = null): void {
      const known = loss === null || taggedLoss(loss) ? loss : null;
      store.update((state) => ({ ...state, view: { ...state.view, overlay: 'gallery', loss: known } }));
    },

    setTheme(theme: AppState['view']['theme']): void {
      store.update((state) => ({ ...state, view: { ...state.view, theme } }));
    },

    notify(tone: Notice['tone'], message: string): void {
      notify(store, tone, message);
    },

    dismissNotice(id: string): void {
      store.update((state) => withoutNotice(state, id));
    },

    /** Loads the models of the settings: at the start, and again after the engine became unavailable. */
    async retryEngine(): Promise<void> {
      await load();
    },

    /** Stops loading models. Those loaded before stay at work; files already fetched are kept. */
    cancelLoad(): void {
      loading?.abort();
    },
  };
}
