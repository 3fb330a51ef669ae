export { evaluateUnpairedOnGpu } from './evaluate.ts';
export { unpairedLoss } from './kernel.ts';
