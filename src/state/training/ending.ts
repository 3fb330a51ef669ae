/** What is said of a run that something ended, and whether it can go on. */
import { DeviceLostError, EngineLostError } from '../../errors.ts';
import { sentence } from '../context.ts';
import type { RunRecord } from '../state.ts';

/**
 * How a run stands after an error. Where only the engine went, which comes back by itself, the run can go on from its
 * newest checkpoint; other errors would come again.
 */
export function endedBy(error: unknown): Pick<RunRecord, 'status' | 'message'> {
  const passing = error instanceof DeviceLostError || error instanceof EngineLostError;
  return { status: passing ? 'paused' : 'failed', message: sentence(error) };
}

/**
 * What an earlier visit left of a run whose last checkpoints found no room in the browser: it stands at the newest that
 * did, and can go on from there. Nothing where none is missing.
 */
export function withoutLost({ step, checkpoints, heldOut, divergence }: RunRecord): Partial<RunRecord> {
  const newest = checkpoints.at(-1) ?? 0;
  if (step <= newest) return {};
  return {
    step: newest,
    status: 'paused',
    message: `The browser had no room for the checkpoint of step ${step}. What came after step ${newest} is gone.`,
    heldOut: heldOut.filter((point) => point.step <= newest),
    divergence: divergence?.filter((point) => point.step <= newest),
  };
}
