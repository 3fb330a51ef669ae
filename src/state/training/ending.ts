/** What is said of a run that something ended, and whether it can go on. */
import { DeviceLostError, EngineLostError } from '../../errors.ts';
import { sentence } from '../context.ts';
import type { RunRecord } from '../state.ts';

/** Told when a run starts beside an imported adapter. */
export const NOT_CONTINUED =
  'This run learns a fresh adapter; it does not go on from the imported one. That stays at work if the run keeps no step, and goes when it keeps one: import its file again to have it back.';

/**
 * How a run stands after an error. Where only the engine went, which comes back by itself, it can go on from its newest
 * checkpoint; other errors would come again.
 * @param step of that checkpoint, 0 for none.
 */
export function endedBy(error: unknown, step: number): Pick<RunRecord, 'status' | 'message'> {
  const message = sentence(error);
  if (!(error instanceof DeviceLostError || error instanceof EngineLostError)) return { status: 'failed', message };
  const on = step > 0 ? `go on from step ${step}` : 'start again';
  return { status: 'paused', message: `${message} The run can ${on}: press Train.` };
}
