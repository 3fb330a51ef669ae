/** Every objective the playground knows, in the order of the picker. Adding a loss is one folder and one line here. */
import { InputError } from '../../errors.ts';
import { alphapo } from './alphapo/loss.ts';
import { apoDown } from './apo_down/loss.ts';
import { apoZero } from './apo_zero/loss.ts';
import { bcoPair } from './bco_pair/loss.ts';
import { betaDpoBatch } from './beta_dpo_batch/loss.ts';
import { cdpo } from './cdpo/loss.ts';
import { cpl } from './cpl/loss.ts';
import { cpo } from './cpo/loss.ts';
import { ddpoCode } from './ddpo_code/loss.ts';
import { ddpoPaper } from './ddpo_paper/loss.ts';
import { discopop } from './discopop/loss.ts';
import { dpoSigmoid } from './dpo_sigmoid/loss.ts';
import { exoPair } from './exo_pair/loss.ts';
import { fDpoAlpha } from './f_dpo_alpha/loss.ts';
import { fDpoForward } from './f_dpo_forward/loss.ts';
import { fDpoJs } from './f_dpo_js/loss.ts';
import { haDpo } from './ha_dpo/loss.ts';
import { hinge } from './hinge/loss.ts';
import { imageDpo } from './image_dpo/loss.ts';
import { ipoAvg } from './ipo_avg/loss.ts';
import { ipoSum } from './ipo_sum/loss.ts';
import { ldDpo } from './ld_dpo/loss.ts';
import { mdpo } from './mdpo/loss.ts';
import { mmDpoPaper } from './mm_dpo_paper/loss.ts';
import { modpo } from './modpo/loss.ts';
import { mpo } from './mpo/loss.ts';
import { ncaPair } from './nca_pair/loss.ts';
import type { Objective } from './objective.ts';
import { odpo } from './odpo/loss.ts';
import { orpo } from './orpo/loss.ts';
import { povidStage2Code } from './povid_stage2_code/loss.ts';
import { rDpo } from './r_dpo/loss.ts';
import { robustDpo } from './robust_dpo/loss.ts';
import { rpoDpoPlusSft } from './rpo_dpo_plus_sft/loss.ts';
import { sigmoidNorm } from './sigmoid_norm/loss.ts';
import { simpo } from './simpo/loss.ts';
import { simpoHinge } from './simpo_hinge/loss.ts';
import { simpoNoMargin } from './simpo_no_margin/loss.ts';
import { simpoSft } from './simpo_sft/loss.ts';
import { simpoSmooth } from './simpo_smooth/loss.ts';
import { slicHf } from './slic_hf/loss.ts';
import { sppoHardTrl } from './sppo_hard_trl/loss.ts';
import { sppoSoft } from './sppo_soft/loss.ts';
import { tdpo1 } from './tdpo1/loss.ts';
import { tdpo2 } from './tdpo2/loss.ts';
import { wpo } from './wpo/loss.ts';

export const objectives: readonly Objective[] = [
  dpoSigmoid,
  cdpo,
  robustDpo,
  ipoSum,
  ipoAvg,
  hinge,
  rDpo,
  sigmoidNorm,
  exoPair,
  discopop,
  fDpoForward,
  fDpoJs,
  fDpoAlpha,
  simpo,
  simpoNoMargin,
  simpoSmooth,
  simpoHinge,
  alphapo,
  slicHf,
  cpl,
  ncaPair,
  bcoPair,
  apoZero,
  apoDown,
  sppoHardTrl,
  sppoSoft,
  odpo,
  modpo,
  mmDpoPaper,
  betaDpoBatch,
  wpo,
  tdpo1,
  tdpo2,
  ddpoPaper,
  ddpoCode,
  ldDpo,
  imageDpo,
  mdpo,
  povidStage2Code,
  haDpo,
  rpoDpoPlusSft,
  mpo,
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
