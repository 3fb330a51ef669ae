/**
 * Every kernel of the product, for the kernel viewer and the tests. One line each. Kernels that read weights stand here
 * in their f32 form; the forms for packed weights differ only in the reader that is joined in front.
 */
import { adamw } from './adamw/kernel.ts';
import { addScaled } from './add-scaled/kernel.ts';
import { attention, attentionBackwardKey, attentionBackwardQuery, attentionBackwardStats } from './attention/kernel.ts';
import { attentionFewRows } from './attention-few-rows/kernel.ts';
import { attentionBackwardKeyTiled, attentionBackwardQueryTiled, attentionTiled } from './attention-tiled/kernel.ts';
import { attentionWorkgroup } from './attention-workgroup/kernel.ts';
import { batchOrder, coupledLoss } from './coupled-loss/kernel.ts';
import { embedding } from './embedding/kernel.ts';
import { gatherRows, gatherRowsBackward } from './gather-rows/kernel.ts';
import type { KernelSpec } from './gpu/index.ts';
import { gradNorm, sumOfSquares } from './grad-norm/kernel.ts';
import { headDivergenceBackward, headDivergenceCombine, headDivergenceTiles } from './head-divergence/kernel.ts';
import {
  headLogprobBackward,
  headLogprobBackwardTiled,
  headLogprobCombine,
  headLogprobCombineWorkgroup,
  headLogprobTiles,
  headLogprobTilesTiled,
} from './head-logprob/kernel.ts';
import { linear, linearBackward, linearBackwardTiled, linearTiled } from './linear/kernel.ts';
import { linearFewRows } from './linear-few-rows/kernel.ts';
import { linearFewRowsSubgroups } from './linear-few-rows-subgroups/kernel.ts';
import { loraGradient, loraUp, loraUpBackward } from './lora/kernel.ts';
import { loraDropout, loraDropoutBackward } from './lora-dropout/kernel.ts';
import {
  coupledObjectives,
  rewardModelObjectives,
  sequenceObjectives,
  tokenObjectives,
  unpairedObjectives,
} from './losses/families/index.ts';
import { objectives } from './losses/index.ts';
import { onPolicyWeight } from './on-policy-weight/kernel.ts';
import { pairRows } from './pair-rows/kernel.ts';
import { preferenceLoss } from './preference-loss/kernel.ts';
import { rewardModelLoss } from './reward-model-loss/kernel.ts';
import { rmsNorm, rmsNormBackward } from './rms-norm/kernel.ts';
import { rope, ropeBackward } from './rope/kernel.ts';
import { scatterRows } from './scatter-rows/kernel.ts';
import { scoreHead, scoreHeadBackward } from './score-head/kernel.ts';
import { sequenceLoss } from './sequence-loss/kernel.ts';
import { sequenceReduce, sequenceReduceBackward } from './sequence-reduce/kernel.ts';
import { swiglu, swigluBackward } from './swiglu/kernel.ts';
import { tokenLoss } from './token-loss/kernel.ts';
import { tokenRows, tokenRowsBackward } from './token-rows/kernel.ts';
import { unpairedLoss } from './unpaired-loss/kernel.ts';

export const allKernels: readonly KernelSpec[] = [
  embedding.f32,
  scatterRows,
  gatherRows,
  rmsNorm,
  linear.f32,
  linearTiled.f32,
  linearFewRows.f32,
  linearFewRowsSubgroups.f32,
  rope,
  attention,
  attentionTiled,
  attentionFewRows,
  attentionWorkgroup,
  swiglu,
  headLogprobTiles.f32,
  headLogprobTilesTiled.f32,
  headLogprobCombine,
  headLogprobCombineWorkgroup,
  gatherRowsBackward,
  rmsNormBackward,
  linearBackward.f32,
  linearBackwardTiled.f32,
  ropeBackward,
  attentionBackwardStats,
  attentionBackwardQuery,
  attentionBackwardKey,
  attentionBackwardQueryTiled,
  attentionBackwardKeyTiled,
  swigluBackward,
  headLogprobBackward.f32,
  headLogprobBackwardTiled.f32,
  headDivergenceTiles.f32,
  headDivergenceCombine,
  headDivergenceBackward.f32,
  loraUp,
  loraUpBackward,
  loraGradient,
  loraDropout,
  loraDropoutBackward,
  sequenceReduce,
  sequenceReduceBackward,
  onPolicyWeight,
  pairRows,
  ...objectives.map(preferenceLoss),
  ...unpairedObjectives.map(unpairedLoss),
  batchOrder,
  ...coupledObjectives.map(coupledLoss),
  scoreHead,
  scoreHeadBackward,
  ...rewardModelObjectives.map(rewardModelLoss),
  tokenRows,
  tokenRowsBackward,
  ...tokenObjectives.map(tokenLoss),
  ...sequenceObjectives.map(sequenceLoss),
  addScaled,
  sumOfSquares,
  gradNorm,
  adamw,
];
