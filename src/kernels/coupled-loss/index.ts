export { evaluateCoupledOnGpu } from './evaluate.ts';
export { batchOrder, coupledLoss } from './kernel.ts';
