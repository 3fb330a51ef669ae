/** An app that can train on the fake engine, and what tests of training ask of it. */
import type { RunRecord } from '../../src/state/state.ts';
import { makeAppWithDraft, stateWhere, type TestApp, type TestAppOptions } from './app.ts';

/** An app with one scored pair and short runs without examinations. */
export async function makeTrainable(options: TestAppOptions = {}): Promise<TestApp> {
  const app = await makeAppWithDraft(options);
  app.intents.addPair();
  app.intents.setTraining({ max_steps: 6, eval_scenes: 0, eval_pope_scenes: 0 });
  await stateWhere(app, ({ pairs }) => pairs[0].scores !== undefined, 'scores');
  return app;
}

export const runOf = (app: TestApp): RunRecord => app.training.run!;
export const notices = (app: TestApp): string => app.store.state.notices.map(({ message }) => message).join(' | ');
export const lossesOf = (app: TestApp): number[] => [...app.training.log(runOf(app).id).column('loss')];

/** Calls back before each training step, with its number. */
export function beforeStep(app: TestApp, act: (step: number) => void | Promise<void>): void {
  let step = 0;
  app.engine.before = (method) => (method === 'train' ? act(++step) : undefined);
}
