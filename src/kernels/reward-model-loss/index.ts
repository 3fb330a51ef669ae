export { evaluateRewardModelOnGpu } from './evaluate.ts';
export { rewardModelLoss } from './kernel.ts';
