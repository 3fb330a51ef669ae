export { SUM_COLUMNS, sequenceReduce, sequenceReduceBackward } from './kernel.ts';
