export * from './declare.ts';
export { Gpu, type GpuOptions } from './gpu.ts';
export { Scope } from './scope.ts';
export { type FastPath, type SelfCheckResult, selfCheck } from './self-check.ts';
export { Tensor, type TensorData } from './tensor.ts';
