/** When a run stops to look at its policy, and how much it looks at. */
import type { World } from '../../engine/engine.ts';
import { taggedLoss } from '../../kernels/losses/families/every.ts';
import { examinationFor } from '../../preference/examinations.ts';
import type { RunRecord } from '../state.ts';
import { type Extent, isAbout } from './examiner.ts';
import type { TrainingSettings } from './settings.ts';

/** Held-out pictures, and answers sampled to measure the divergence; 0 for none. */
export interface Look extends Extent {
  readonly answers: number;
}

/** The next step after `step` at which the run stops to look; infinity where it looks only at its end. */
export function nextLook(settings: TrainingSettings, step: number): number {
  const examines = settings.eval_scenes > 0 ? settings.eval_steps : 0;
  const measures = settings.kl_answers > 0 ? settings.kl_steps : 0;
  const next = (every: number) => (every > 0 ? (Math.floor(step / every) + 1) * every : Number.POSITIVE_INFINITY);
  return Math.min(next(examines), next(measures));
}

/**
 * The settings of a run for these two. A reward model scores answers and gives none to look at; no world is examined on
 * more pictures than it has.
 */
export function looking(objective: string, settings: TrainingSettings, world: World): TrainingSettings {
  if (taggedLoss(objective)?.kind === 'reward-model') return { ...settings, eval_scenes: 0, kl_answers: 0 };
  const { most } = examinationFor(world);
  const [eval_scenes, eval_pope_scenes] = [settings.eval_scenes, settings.eval_pope_scenes].map((n) =>
    Math.min(n, most),
  );
  return { ...settings, eval_scenes, eval_pope_scenes };
}

/** What is due before the first step, on the reference: only held-out pictures, because it has not moved from itself. */
export function lookBefore({ eval_scenes, eval_pope_scenes }: TrainingSettings): Extent {
  return { scenes: eval_scenes, popeScenes: eval_pope_scenes };
}

/** What is due after `step`, the run's last one or not. */
export function lookAfter(settings: TrainingSettings, step: number, last: boolean): Look {
  const { eval_scenes, eval_pope_scenes: popeScenes, eval_steps, kl_answers, kl_steps } = settings;
  const due = (every: number) => last || (every > 0 && step % every === 0);
  const scenes = due(eval_steps) ? eval_scenes : 0;
  const measures = kl_steps > 0 ? due(kl_steps) : scenes > 0;
  return { scenes, popeScenes, answers: measures ? kl_answers : 0 };
}

/**
 * What was due after the step at which a run stands and has not been looked at, because a pause or a single step does not
 * wait for it. Once the run has gone on it is too late.
 */
export function lookOwed(
  settings: TrainingSettings,
  { step, heldOut, divergence = [] }: RunRecord,
  world: World,
): Look {
  const { scenes, popeScenes, answers } = lookAfter(settings, step, false);
  const examined = step === 0 || heldOut.some((point) => point.step === step && isAbout(point, { world, scenes }));
  const measured = step === 0 || divergence.some((point) => point.step === step);
  return { scenes: examined ? 0 : scenes, popeScenes, answers: measured ? 0 : answers };
}
