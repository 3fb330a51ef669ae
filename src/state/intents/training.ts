/** Intents on training: what the panel's buttons, the space bar and the console call. */
import { CancelledError, InputError } from '../../errors.ts';
import { type Context, notify, sentence } from '../context.ts';
import { selectedImageOf } from '../selectors.ts';
import { compareAnswers } from '../training/compare.ts';
import { defaultTraining, type TrainingSettings, withTraining } from '../training/settings.ts';
import type { TrainOptions } from '../training.ts';

/** PEFT's file endings: an adapter is a ZIP of a folder. */
export const ADAPTER_FILE = 'margin-adapter.zip';

export function trainingIntents(context: Context) {
  const { store, engine, images, training } = context;

  /** Problems of a person's action become notices. */
  const tell = async (work: Promise<unknown>, before = ''): Promise<boolean> => {
    try {
      await work;
      return true;
    } catch (error) {
      // What ended a run stands beside its buttons.
      if (!(error instanceof CancelledError) && training.run?.message !== sentence(error)) {
        notify(store, error instanceof InputError ? 'info' : 'error', `${before}${sentence(error)}`);
      }
      return false;
    }
  };

  const setBottom = (bottom: 'pairs' | 'training'): void => {
    store.update((state) => (state.view.bottom === bottom ? state : { ...state, view: { ...state.view, bottom } }));
  };

  const train = async (options: TrainOptions = {}): Promise<void> => {
    // Started by a key, it should still be seen.
    setBottom('training');
    await tell(training.train(options), 'Training stopped: ');
  };

  return {
    /** Changes training settings. A value that cannot be used is refused with a notice, and the old one kept. */
    setTraining(changes: Partial<TrainingSettings>): boolean {
      try {
        const next = withTraining(store.state.settings.training, changes);
        store.update((state) => ({ ...state, settings: { ...state.settings, training: next } }));
        return true;
      } catch (error) {
        notify(store, 'info', `${sentence(error)} The old value was kept.`);
        return false;
      }
    },

    resetTrainingSettings(): void {
      store.update(({ settings, ...state }) => ({
        ...state,
        settings: { ...settings, training: defaultTraining(settings.objective) },
      }));
    },

    /** Continues the run or starts the next one; settles when it pauses or ends. */
    train,

    /** One optimiser step. */
    trainStep: (): Promise<void> => train({ steps: 1 }),

    /** Pauses after the step under way; the adapter of the last whole step stays at work. */
    pauseTraining(): void {
      training.pause();
    },

    /** What the space bar does. */
    toggleTraining(): void {
      if (store.state.training.phase === 'idle') void train();
      else training.pause();
    },

    async resetTraining(): Promise<void> {
      await tell(training.reset());
    },

    async rewindTraining(step: number): Promise<void> {
      await tell(training.rewind(step));
    },

    async forgetRun(id: string): Promise<void> {
      await tell(training.forget(id));
    },

    /** Examines reference and policy on held-out pictures. */
    async examine(): Promise<void> {
      await tell(training.examine(), 'The held-out examination stopped: ');
    },

    skipExamination(): void {
      training.skipExamination();
    },

    /** Answers the prompt about the selected image with the reference and with the policy, both greedily. */
    async compare(): Promise<void> {
      const image = selectedImageOf(store.state);
      const { prompt, maxTokens } = store.state.settings;
      if (!image || !prompt.trim()) {
        notify(store, 'info', 'Select an image and write a prompt first: both models answer it.');
        return;
      }
      if (store.state.training.phase !== 'idle' || store.state.engine.kind !== 'ready') return;
      const show = (comparison: typeof store.state.training.comparison) =>
        store.update((state) => ({ ...state, training: { ...state.training, comparison } }));
      await training.during('comparing', async (signal) => {
        try {
          const request = { image: await images.input(image.id), prompt, maxTokens };
          await compareAnswers(engine, request, show, signal);
        } catch (error) {
          const { comparison } = store.state.training;
          const words = error instanceof CancelledError ? 'Cancelled. The text so far was kept.' : sentence(error);
          if (comparison) show({ ...comparison, status: 'failed', error: words });
          else notify(store, 'error', words);
        }
      });
    },

    /** The adapter as a ZIP of a PEFT folder; null with a notice when there is none. */
    async exportAdapter(): Promise<Blob | null> {
      try {
        return new Blob([await engine.adapter.export()], { type: 'application/zip' });
      } catch (error) {
        notify(store, error instanceof InputError ? 'info' : 'error', sentence(error));
        return null;
      }
    },

    /** Loads an adapter from a file, made here or by Python's PEFT. The next run starts from it. */
    async importAdapter(file: Blob): Promise<boolean> {
      let notices: readonly string[] = [];
      const adopt = async () => {
        const bytes = new Uint8Array(await file.arrayBuffer());
        const facts = await training.adopt(bytes, file instanceof File ? file.name : undefined);
        notices = facts.notices ?? [];
      };
      const done = await tell(adopt(), 'The adapter could not be opened: ');
      const message = 'Adapter active: answers, pairs and before / after use it, and Train continues from it.';
      if (done) notify(store, notices.length > 0 ? 'info' : 'success', [message, ...notices].join(' '));
      return done;
    },

    /** Shows pairs or training in the bottom row. */
    setBottom,
  };
}
