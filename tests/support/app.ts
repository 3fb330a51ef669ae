/** An app for tests: a fake engine, storage in memory, and pictures that need no file. */
import { type App, createApp } from '../../src/state/app.ts';
import type { Backend } from '../../src/state/persistence/backend.ts';
import { memoryBackend } from '../../src/state/persistence/memory.ts';
import { createPersistence } from '../../src/state/persistence.ts';
import { encodePng } from '../../src/state/png.ts';
import type { AppState } from '../../src/state/state.ts';
import { FakeEngine } from './fake-engine.ts';
import { heard } from './until.ts';

export interface TestApp extends App {
  readonly engine: FakeEngine;
  readonly backend: Backend;
}

export interface TestAppOptions {
  readonly engine?: FakeEngine;
  /** Parts of an earlier app's backend, to play a reload. */
  readonly backend?: Partial<Backend>;
  /** Whether the engine is ready when this settles (default: yes). */
  readonly ready?: boolean;
  /** Whether the first photograph still switches Toybox to the photo models (default: no, as on every later visit). */
  readonly firstPhotograph?: boolean;
}

/** An app whose stored work is restored and whose engine is ready. */
export async function makeApp(options: TestAppOptions = {}): Promise<TestApp> {
  const engine = options.engine ?? new FakeEngine();
  const backend = memoryBackend(options.backend);
  const app = createApp({ engine, persistence: createPersistence(backend) });
  await app.restored;
  if (!options.firstPhotograph) {
    app.store.update((state) => ({ ...state, view: { ...state.view, metPhotographs: true } }));
  }
  if (options.ready !== false) await app.intents.retryEngine();
  return { ...app, engine, backend };
}

/** A PNG of one colour; every colour is another picture. */
export async function plainPicture(
  colour: readonly [number, number, number] = [200, 30, 30],
  name = 'red.png',
  side = 16,
): Promise<File> {
  const rgba = new Uint8ClampedArray(side * side * 4);
  for (let i = 0; i < rgba.length; i += 4) rgba.set([...colour, 255], i);
  return new File([await encodePng(rgba, side, side)], name, { type: 'image/png' });
}

/** Settles when the state satisfies the condition; fails with its words where it never does. */
export function stateWhere(
  app: App,
  condition: (state: AppState) => boolean,
  what: string,
  ms?: number,
): Promise<void> {
  return heard(app.store, () => condition(app.store.state), what, ms);
}

/** An app with one picture, sampled answers, and the first two of them marked. */
export async function makeAppWithDraft(options: TestAppOptions = {}): Promise<TestApp> {
  const app = await makeApp(options);
  await app.intents.addImages([await plainPicture()]);
  await app.intents.sample();
  const [first, second] = app.store.state.candidates;
  app.intents.markChosen(first.id);
  app.intents.markRejected(second.id);
  return app;
}
