/** Every objective the playground knows, in the order of the picker. Adding a loss is one folder and one line here. */
import { InputError } from '../../errors.ts';
import { cdpo } from './cdpo/loss.ts';
import { cpo } from './cpo/loss.ts';
import { dpoSigmoid } from './dpo_sigmoid/loss.ts';
import { hinge } from './hinge/loss.ts';
import { ipoAvg } from './ipo_avg/loss.ts';
import { ipoSum } from './ipo_sum/loss.ts';
import type { Objective } from './objective.ts';
import { orpo } from './orpo/loss.ts';
import { simpo } from './simpo/loss.ts';
import { simpoHinge } from './simpo_hinge/loss.ts';
import { simpoNoMargin } from './simpo_no_margin/loss.ts';
import { simpoSft } from './simpo_sft/loss.ts';
import { simpoSmooth } from './simpo_smooth/loss.ts';

export const objectives: readonly Objective[] = [
  dpoSigmoid,
  cdpo,
  ipoSum,
  ipoAvg,
  hinge,
  simpo,
  simpoNoMargin,
  simpoSmooth,
  simpoHinge,
  simpoSft,
  cpo,
  orpo,
];

/** @throws InputError when no objective has this id. */
export function objectiveById(id: string): Objective {
  const objective = objectives.find((each) => each.id === id);
  if (objective === undefined) {
    throw new InputError(`There is no objective "${id}". Known: ${objectives.map((each) => each.id).join(', ')}.`, id);
  }
  return objective;
}
