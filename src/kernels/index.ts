/**
 * Every kernel of the product, for the kernel viewer, the warm-up and the tests. One line each.
 */
import type { KernelSpec } from './gpu/index.ts';

export const allKernels: readonly KernelSpec[] = [];
