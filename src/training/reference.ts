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
  withCorrupted: boolean,
): AsyncGenerator<TrainEvent> {
  for (const [done, pair] of pairs.entries()) {
    const known = references.get(pair.key);
    if (!known || (withCorrupted && !known.corrupted)) {
      throwIfCancelled(signal);
      const sequences = await sequencesOf([pair], withCorrupted);
      const [chosen, rejected, corrupted] = await policy.scoreMany(sequences, { signal });
      references.set(pair.key, { chosen: chosen.logps, rejected: rejected.logps, corrupted: corrupted?.logps });
    }
    yield { type: 'reference', done: done + 1, total: pairs.length };
  }
}
