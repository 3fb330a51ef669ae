/** The frozen reference: the policy with its adapter off, asked once per pair. */
import type { TrainEvent } from '../engine/engine.ts';
import { throwIfCancelled } from '../errors.ts';
import type { Policy } from '../models/policy/index.ts';
import { type ReferenceLogps, sequencesOf, type TokenizedPair } from './data.ts';

/**
 * Scores every pair that has no reference yet into `references`, by the pairs' keys.
 * @throws CancelledError between pairs; those scored stay.
 */
export async function* scoreReference(
  policy: Policy,
  pairs: readonly TokenizedPair[],
  references: Map<string, ReferenceLogps>,
  signal: AbortSignal | undefined,
): AsyncGenerator<TrainEvent> {
  for (const [done, pair] of pairs.entries()) {
    if (!references.has(pair.key)) {
      throwIfCancelled(signal);
      const [chosen, rejected] = await policy.scoreMany(await sequencesOf([pair]), { signal });
      references.set(pair.key, { chosen: chosen.logps, rejected: rejected.logps });
    }
    yield { type: 'reference', done: done + 1, total: pairs.length };
  }
}
