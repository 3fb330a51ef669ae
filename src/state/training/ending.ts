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
 * What an earlier visit left of a run, by the checkpoints that are really there: it stands at the newest of them and can
 * go on from it, whether the record names more of them or fewer. Nothing where the record is right.
 * @param there steps whose checkpoints are stored, in order
 */
export function asStored(run: RunRecord, there: readonly number[]): Partial<RunRecord> {
  const { step, heldOut, divergence, checkpoints } = run;
  const newest = there.at(-1) ?? 0;
  const listed = there.join() === checkpoints.join() ? {} : { checkpoints: there };
  if (step === newest) return listed;
  const message =
    step > newest
      ? `The browser had no room for the checkpoint of step ${step}. What came after step ${newest} is gone.`
      : `The page was closed during this run. It can go on from step ${newest}.`;
  return {
    ...listed,
    step: newest,
    status: 'paused',
    message,
    heldOut: heldOut.filter((point) => point.step <= newest),
    divergence: divergence?.filter((point) => point.step <= newest),
  };
}
