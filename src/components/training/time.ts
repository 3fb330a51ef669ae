/** How long a run still takes. */
import type { MetricsLog } from '../../state/training/metrics.ts';

/** Steps whose pace counts: old enough to be steady, recent enough to be true. */
const WINDOW = 10;

/** Seconds until the last step at the pace of the recent ones; undefined before the first. */
export function secondsLeft(log: MetricsLog, steps: number): number | undefined {
  const seconds = log.column('seconds');
  const recent = seconds.subarray(Math.max(0, seconds.length - WINDOW));
  if (recent.length === 0 || steps === 0) return undefined;
  return Math.max(0, steps - log.step) * (recent.reduce((sum, value) => sum + value, 0) / recent.length);
}

/** "45 s", "3 min", "1 h 20 min". */
export function timeText(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
