/**
 * The losses beside the pairwise ones, a list per family. Their rows differ, so each family has its own interface and its
 * own dispatch. Adding a loss is one folder and one line here.
 */
import { InputError } from '../../../errors.ts';
import { apoZeroUnpaired } from '../apo_zero_unpaired/loss.ts';
import { bcoUnpaired } from '../bco_unpaired/loss.ts';
import { bradleyTerry } from '../bradley_terry/loss.ts';
import { bradleyTerryCenter } from '../bradley_terry_center/loss.ts';
import { bradleyTerryMargin } from '../bradley_terry_margin/loss.ts';
import { fdpo } from '../fdpo/loss.ts';
import { kto } from '../kto/loss.ts';
import { ktoWeighted } from '../kto_weighted/loss.ts';
import { llavaRlhfRm } from '../llava_rlhf_rm/loss.ts';
import { tieMse } from '../tie_mse/loss.ts';
import type { RewardModelObjective } from './reward-model.ts';
import type { UnpairedObjective } from './unpaired.ts';

/** Single answers, each called good or bad. */
export const unpairedObjectives: readonly UnpairedObjective[] = [kto, ktoWeighted, apoZeroUnpaired, bcoUnpaired, fdpo];

/** Two scores of a reward model. */
export const rewardModelObjectives: readonly RewardModelObjective[] = [
  bradleyTerry,
  bradleyTerryMargin,
  bradleyTerryCenter,
  llavaRlhfRm,
  tieMse,
];

/** @throws InputError when the family has no loss with this id. */
export function lossById<L extends { readonly id: string }>(family: readonly L[], id: string): L {
  const loss = family.find((each) => each.id === id);
  if (loss === undefined) {
    throw new InputError(`There is no loss "${id}" here. Known: ${family.map((each) => each.id).join(', ')}.`, id);
  }
  return loss;
}
