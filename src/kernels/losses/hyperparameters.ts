/** From the numbers a caller gives to the complete hyperparameters of a loss, of every family. */
import { isObject, nearest, shown } from '../../check.ts';
import { InputError } from '../../errors.ts';
import type { HyperparameterValues, Objective } from './objective.ts';

type Described = Pick<Objective, 'label' | 'hyperparameters'>;

/**
 * Fills in defaults, translates aliases and refuses what cannot be computed.
 * @throws InputError naming the hyperparameter, for an unknown key, a value that is not finite, or one `refuse` rejects.
 */
export function resolveHyperparameters(objective: Described, given: HyperparameterValues): Record<string, number> {
  checkKnown(objective, given);
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

/**
 * The values with some of them changed; a value given under another name takes the place of the one it stands for.
 * @throws InputError as `resolveHyperparameters`.
 */
export function withHyperparameters(
  objective: Described,
  values: HyperparameterValues,
  changes: HyperparameterValues,
): Record<string, number> {
  checkKnown(objective, changes);
  const kept = objective.hyperparameters.filter(
    ({ key, aliases }) => changes[key] === undefined && !Object.keys(aliases ?? {}).some((alias) => alias in changes),
  );
  const before = kept.flatMap(({ key }) => (values[key] === undefined ? [] : [[key, values[key]] as const]));
  return resolveHyperparameters(objective, { ...Object.fromEntries(before), ...changes });
}

/** @throws InputError for a key that the loss has not, or a value that is no finite number. */
function checkKnown({ label, hyperparameters }: Described, given: HyperparameterValues): void {
  const known = hyperparameters.flatMap(({ key, aliases }) => [key, ...Object.keys(aliases ?? {})]);
  if (!isObject(given)) {
    throw new InputError(`hyperparameters is ${shown(given)}; it must be an object of numbers.`, 'hyperparameters');
  }
  for (const [key, value] of Object.entries(given)) {
    if (!known.includes(key)) {
      const near = nearest(key, known);
      const list = hyperparameters.map((each) => each.key).join(', ') || 'none';
      const instead = near ? `did you mean ${near}?` : `it has: ${list}.`;
      throw new InputError(`${label} has no hyperparameter "${key}"; ${instead}`, key);
    }
    if (!Number.isFinite(value)) throw new InputError(`${key} is ${shown(value)}: a finite number is needed.`, key);
  }
}
