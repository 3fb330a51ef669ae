/** The objective of the settings and its hyperparameters with defaults filled in. */
import type { LossDescription } from '../kernels/losses/families/description.ts';
import { taggedLoss } from '../kernels/losses/families/every.ts';
import type { Settings } from './state.ts';

/** What the objective with this id, of any family, says about itself; undefined where there is none. */
export function objectiveNamed(id: string): LossDescription | undefined {
  return taggedLoss(id)?.loss;
}

/** Every hyperparameter of a loss: the person's value, else the default. */
export function hyperparameterValues(
  settings: Settings,
  objective: Pick<LossDescription, 'id' | 'hyperparameters'>,
): Record<string, number> {
  const own = settings.hyperparameters[objective.id] ?? {};
  return Object.fromEntries(objective.hyperparameters.map((each) => [each.key, own[each.key] ?? each.default]));
}

/** Why a value cannot be used, as a sentence; undefined when it can. */
export function refusal(
  objective: LossDescription,
  settings: Settings,
  key: string,
  value: number,
): string | undefined {
  const declared = objective.hyperparameters.find((each) => each.key === key);
  if (!declared) return `${objective.label} has no hyperparameter "${key}".`;
  if (!Number.isFinite(value)) return `${declared.symbol} ${declared.word} needs a finite number.`;
  const reason = declared.refuse?.(value, { ...hyperparameterValues(settings, objective), [key]: value });
  return reason && `${declared.symbol} ${declared.word} = ${value}: ${reason}`;
}
