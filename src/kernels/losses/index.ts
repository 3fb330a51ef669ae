/** Every objective the playground knows, in the order of the picker. Adding a loss is one folder and one line here. */
import { InputError } from '../../errors.ts';
import { dpoSigmoid } from './dpo_sigmoid/loss.ts';
import type { Objective } from './objective.ts';

export const objectives: readonly Objective[] = [dpoSigmoid];

/** @throws InputError when no objective has this id. */
export function objectiveById(id: string): Objective {
  const objective = objectives.find((each) => each.id === id);
  if (objective === undefined) {
    throw new InputError(`There is no objective "${id}". Known: ${objectives.map((each) => each.id).join(', ')}.`, id);
  }
  return objective;
}
