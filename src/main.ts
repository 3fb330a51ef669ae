/** The page: engine, state, elements, console API; then the stored work comes back and the models load. */
import { fetchChoices } from './components/app/catalog.ts';
import './components/app/margin-app.ts';
import { installTheme } from './components/theme.ts';
import { createConsole } from './console.ts';
import { EngineClient } from './engine/client.ts';
import { createApp } from './state/app.ts';
import { browserBackend } from './state/persistence/browser.ts';
import { createPersistence } from './state/persistence.ts';

installTheme();

const persistence = createPersistence(browserBackend());
const app = createApp({ engine: new EngineClient(), persistence });
window.margin = createConsole(app);

const choices = fetchChoices(new URL('models/', document.baseURI).href);
const element = document.querySelector('margin-app');
if (element) {
  element.app = app;
  void choices.then((known) => {
    element.choices = known;
  });
}

// A hidden page may never run again: what is unsaved is saved now. One that leaves lets another tab save.
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'hidden') void app.flush();
});
addEventListener('pagehide', () => persistence.starts.left());
for (const type of ['pagehide', 'freeze']) addEventListener(type, () => void app.suspend(), { capture: true });
for (const type of ['pageshow', 'resume']) addEventListener(type, () => app.resume(), { capture: true });

// Which models to load is among the settings, so these come first.
try {
  await app.restored;
  if (persistence.resetAsked) app.intents.openOverlay('reset');
  // A first visit starts with something to ask about.
  const { images, pairs } = app.store.state;
  if (images.length === 0 && pairs.length === 0) {
    const { intents, worlds } = app;
    const world = (await choices).find(({ id }) => id === worlds.expected)?.world;
    await (world === 'photographs' ? intents.addSamplePhotographs() : intents.addSampleScenes());
  }
} catch (error) {
  // What is stored may still be worth something: nothing is written over it.
  persistence.stop();
  const why = error instanceof Error ? error.message : String(error);
  app.intents.notify(
    'error',
    `What earlier visits stored could not be opened: ${why}. Nothing was deleted, and nothing is saved in this tab. Reload to try again; where that does not help, reset the page.`,
  );
  app.intents.openOverlay('reset');
}
// Before a reset nothing else is risked: models load when the person closes the question to keep it all.
if (persistence.resetAsked) {
  await new Promise<void>((resolve) => {
    const stop = app.store.subscribe(({ view }) => {
      if (view.overlay === 'reset') return;
      stop();
      resolve();
    });
  });
}
await app.intents.retryEngine();
