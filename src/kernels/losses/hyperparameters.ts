/** From the numbers a caller gives to the complete hyperparameters of a loss, of every family. */
import { InputError } from '../../errors.ts';
import type { HyperparameterValues, Objective } from './objective.ts';

/**
 * Fills in defaults, translates aliases and refuses what cannot be computed.
 * @throws InputError naming the hyperparameter, for an unknown key, a value that is not finite, or one `refuse` rejects.
 */
export function resolveHyperparameters(
  objective: Pick<Objective, 'label' | 'hyperparameters'>,
  given: HyperparameterValues,
): Record<string, number> {
  const known = new Set(objective.hyperparameters.flatMap((each) => [each.key, ...Object.keys(each.aliases ?? {})]));
  for (const [key, value] of Object.entries(given)) {
    if (!known.has(key)) {
      const list = objective.hyperparameters.map((each) => each.key).join(', ') || 'none';
      throw new InputError(`${objective.label} has no hyperparameter "${key}"; it has: ${list}.`, key);
    }
    if (!Number.isFinite(value)) {
      throw new InputError(`${key} is ${value}: a finite number is needed.`, key);
    }
  }
  const values: Record<string, number> = {};
  for (const { key, default: fallback } of objective.hyperparameters) values[key] = given[key] ?? fallback;
  for (const { key, aliases } of objective.hyperparameters) {
    if (given[key] !== undefined) continue;
    for (const [alias, convert] of Object.entries(aliases ?? {})) {
      if (given[alias] !== undefined) values[key] = convert(given[alias], values);
    }
  }
  for (const each of objective.hyperparameters) {
    const reason = each.refuse?.(values[each.key], values);
    if (reason !== undefined)
      throw new InputError(`${each.symbol} (${each.key}) = ${values[each.key]}: ${reason}`, each.key);
  }
  return values;
}
