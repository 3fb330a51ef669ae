export { evaluateGroupOnGpu } from './evaluate.ts';
