/**
 * The losses beside the pairwise ones, a list per family. Their rows differ, so each family has its own interface and its
 * own dispatch. Adding a loss is one folder and one line here.
 */
import { InputError } from '../../../errors.ts';
import { aot } from '../aot/loss.ts';
import { aotUnpaired } from '../aot_unpaired/loss.ts';
import { apoZeroUnpaired } from '../apo_zero_unpaired/loss.ts';
import { bcoUnpaired } from '../bco_unpaired/loss.ts';
import { bnpo } from '../bnpo/loss.ts';
import { bradleyTerry } from '../bradley_terry/loss.ts';
import { bradleyTerryCenter } from '../bradley_terry_center/loss.ts';
import { bradleyTerryMargin } from '../bradley_terry_margin/loss.ts';
import { drGrpo } from '../dr_grpo/loss.ts';
import { fdpo } from '../fdpo/loss.ts';
import { grpo } from '../grpo/loss.ts';
import { kto } from '../kto/loss.ts';
import { ktoPair } from '../kto_pair/loss.ts';
import { ktoWeighted } from '../kto_weighted/loss.ts';
import { llavaRlhfRm } from '../llava_rlhf_rm/loss.ts';
import { nashMd } from '../nash_md/loss.ts';
import { onlineDpo } from '../online_dpo/loss.ts';
import { ppoFactRlhf } from '../ppo_fact_rlhf/loss.ts';
import { raft } from '../raft/loss.ts';
import { rloo } from '../rloo/loss.ts';
import { rrhf } from '../rrhf/loss.ts';
import { tieMse } from '../tie_mse/loss.ts';
import { xpo } from '../xpo/loss.ts';
import type { CoupledObjective } from './coupled.ts';
import type { GroupObjective, SequenceObjective, TokenObjective } from './group.ts';
import type { RewardModelObjective } from './reward-model.ts';
import type { UnpairedObjective } from './unpaired.ts';

/** Single answers, each called good or bad. */
export const unpairedObjectives: readonly UnpairedObjective[] = [kto, ktoWeighted, apoZeroUnpaired, bcoUnpaired, fdpo];

/** Pairs that act on one another through sorting or differentiated means. */
export const coupledObjectives: readonly CoupledObjective[] = [aot, aotUnpaired, ktoPair];

/** Two scores of a reward model. */
export const rewardModelObjectives: readonly RewardModelObjective[] = [
  bradleyTerry,
  bradleyTerryMargin,
  bradleyTerryCenter,
  llavaRlhfRm,
  tieMse,
];

/** Answers the policy sampled itself, weighed token by token. */
export const tokenObjectives: readonly TokenObjective[] = [grpo, bnpo, drGrpo, ppoFactRlhf, nashMd];

/** Answers the policy sampled itself, each seen through sums over its tokens. */
export const sequenceObjectives: readonly SequenceObjective[] = [rloo, raft, rrhf, onlineDpo, xpo];

/** Both: every loss over groups of sampled answers. */
export const groupObjectives: readonly GroupObjective[] = [...tokenObjectives, ...sequenceObjectives];

/** @throws InputError when the family has no loss with this id. */
export function lossById<L extends { readonly id: string }>(family: readonly L[], id: string): L {
  const loss = family.find((each) => each.id === id);
  if (loss === undefined) {
    throw new InputError(`There is no loss "${id}" here. Known: ${family.map((each) => each.id).join(', ')}.`, id);
  }
  return loss;
}
