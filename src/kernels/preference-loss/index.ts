export { evaluateOnGpu, type GpuEvaluation } from './evaluate.ts';
export { preferenceLoss } from './kernel.ts';
