/** Intents on settings, the view and notices. */
import type { World } from '../../engine/engine.ts';
import { taggedLoss } from '../../kernels/losses/families/every.ts';
import { type Context, notify, withoutNotice } from '../context.ts';
import { clampSetting, type NumericSetting, SETTING_RANGES } from '../defaults.ts';
import { objectiveNamed, refusal } from '../objectives.ts';
import type { AppState, Notice, Settings } from '../state.ts';
import { followObjective } from '../training/settings.ts';

type PlainSetting = Exclude<keyof Settings, 'hyperparameters' | 'training'>;

export function settingsIntents(context: Context) {
  const { store, engine, persistence, training, models, worlds } = context;

  return {
    /** Changes one setting. Numbers are brought into their range; another model is loaded, and becomes the setting when it has. */
    setSetting<K extends PlainSetting>(key: K, value: Settings[K]): void {
      if (key === 'vlm' || key === 'clip') {
        training.pause();
        void models.choose({ [key]: String(value) });
        return;
      }
      const allowed = key in SETTING_RANGES ? clampSetting(key as NumericSetting, Number(value)) : value;
      if (Object.is(store.state.settings[key], allowed)) return;
      if (key === 'objective' && !objectiveNamed(String(value))) return;
      store.update((state) => {
        const next = { ...state, settings: { ...state.settings, [key]: allowed } };
        if (key !== 'objective') return next;
        const training = followObjective(next.settings.training, state.settings.objective, next.settings.objective);
        return { ...next, settings: { ...next.settings, training } };
      });
    },

    /** Loads the bundled models of a world in place of those that are not for it. */
    useModelsFor(world: World): Promise<void> {
      training.pause();
      return worlds.use(world);
    },

    /** Undoes the switch to the photo models that the first photographs brought about. */
    backToToybox(): Promise<void> {
      training.pause();
      return worlds.back();
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

    /** Loads the models of the link or the settings: at the start, and again after the engine became unavailable. */
    retryEngine: (): Promise<void> => models.start(),

    /** Stops loading models. Those loaded before stay active; files already fetched are kept. */
    cancelLoad(): void {
      models.cancel();
    },

    /** Ends cancelled work at once, without waiting for its current unit: the engine restarts. */
    stopNow(): void {
      engine.stopNow();
    },

    /** Deletes everything this page has stored in the browser, and opens it again. */
    resetPage: (): Promise<void> => persistence.reset(),
  };
}
