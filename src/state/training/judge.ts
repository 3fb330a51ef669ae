/** What the numbers of a run say, in a form the page can put into a sentence. */
import type { HeldOutPoint, RunRecord } from '../state.ts';
import type { MetricsLog } from './metrics.ts';

/** Loss of held-out F1 that is more than noise of a few answers. */
const QUALITY_DROP = 0.02;
/** Nats by which both answers must have become less likely before it is worth a word. */
const FALL = 0.01;

/** Change of both answers' log-probability and of the reward margin since the start of the run. */
export interface Displacement {
  readonly chosen: number;
  readonly rejected: number;
  readonly margin: number;
  /** `reference`: against the reference, in nats. `start`: against the run's first steps. */
  readonly since: 'reference' | 'start';
}

const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * Likelihood displacement (Razin et al. 2024): the chosen answer becomes less likely too, while the margin rises.
 * Batches differ, so windows of an epoch (at most half the run) are compared. Null when there is nothing to say.
 */
export function displacement(log: MetricsLog, stepsPerEpoch: number): Displacement | null {
  const { length } = log;
  if (length < 2) return null;
  const window = Math.max(1, Math.min(stepsPerEpoch, Math.floor(length / 2)));
  const recent = (name: Parameters<MetricsLog['column']>[0]) => mean(log.column(name).subarray(length - window));
  const change = (name: Parameters<MetricsLog['column']>[0]) =>
    recent(name) - mean(log.column(name).subarray(0, window));
  const referenced = Number.isFinite(recent('log_ratios/chosen')) && Number.isFinite(recent('log_ratios/rejected'));
  const chosen = referenced ? recent('log_ratios/chosen') : change('logps/chosen');
  const rejected = referenced ? recent('log_ratios/rejected') : change('logps/rejected');
  const margin = change('rewards/margins');
  if (!(chosen < -FALL && rejected < -FALL && margin > 0)) return null;
  return { chosen, rejected, margin, since: referenced ? 'reference' : 'start' };
}

/**
 * The best held-out point so far: highest F1 of mentioned objects, the earliest of equals. Step 0 is the reference, which a
 * run that started from an imported adapter never was.
 */
export function bestPoint({ heldOut, from }: Pick<RunRecord, 'heldOut' | 'from'>): HeldOutPoint | undefined {
  const points = from ? heldOut.filter(({ step }) => step > 0) : heldOut;
  return points.reduce<HeldOutPoint | undefined>((best, next) => (best && best.f1 >= next.f1 ? best : next), undefined);
}

/** Over-optimisation: the margin (or the reward) went on rising while held-out quality fell from an earlier point. */
export interface OverOptimisation {
  readonly best: HeldOutPoint;
  readonly last: HeldOutPoint;
}

export function overOptimisation(run: Pick<RunRecord, 'heldOut' | 'from'>): OverOptimisation | null {
  const last = run.heldOut.at(-1);
  const best = bestPoint(run);
  if (!last || !best || best.step >= last.step) return null;
  return best.f1 - last.f1 > QUALITY_DROP && last.margin > best.margin ? { best, last } : null;
}
