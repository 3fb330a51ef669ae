/**
 * From tensors to numbers: solves the dimension names of a kernel and checks everything that can be checked before a
 * dispatch, so that an error names tensors and sizes instead of a validation message of the browser.
 */
import { EngineError, OutOfMemoryError } from '../../errors.ts';
import type { KernelSpec, Solved } from './declare.ts';
import { mib } from './pool.ts';
import type { Tensor } from './tensor.ts';

export interface DispatchPlan {
  readonly solved: Solved;
  readonly workgroups: readonly [number, number, number];
}

export interface PlanLimits {
  readonly maxStorageBufferBindingSize: number;
  readonly maxComputeWorkgroupsPerDimension: number;
}

type Named = Readonly<Record<string, number>>;

/**
 * Checks tensors against the declaration and solves every dimension, parameter and the dispatch size.
 *
 * @throws EngineError for a missing tensor, a wrong dtype or rank, two tensors that disagree, a missing or unknown
 *   parameter or a dispatch the device cannot take; OutOfMemoryError for a binding beyond the device's limit.
 */
export function plan(
  kernel: KernelSpec,
  tensors: Readonly<Record<string, Tensor>>,
  params: Named,
  constants: Named,
  limits: PlanLimits,
): DispatchPlan {
  const fail = (message: string): never => {
    throw new EngineError(`${kernel.name}: ${message}`, kernel.name);
  };
  const dims = solveDims(kernel, tensors, limits, fail);
  const solved: Record<string, number> = { ...kernel.constants, ...constants, ...dims };
  for (const name of Object.keys(constants)) {
    if (!(name in (kernel.constants ?? {}))) fail(`has no constant "${name}".`);
  }
  for (const [name, type] of Object.entries(kernel.params ?? {})) {
    const given = params[name];
    if (given === undefined && !(name in dims)) fail(`parameter "${name}" is neither a dimension nor given.`);
    if (given !== undefined && name in dims && given !== dims[name]) {
      fail(`parameter "${name}" was given as ${given}, but the tensors make it ${dims[name]}.`);
    }
    if (given !== undefined) solved[name] = given;
    const value = solved[name]!;
    const whole = type === 'f32' || (Number.isInteger(value) && (type === 'i32' || value >= 0));
    if (!whole || !Number.isFinite(value)) fail(`parameter "${name}" is ${type} and cannot be ${value}.`);
  }
  for (const name of Object.keys(params)) {
    if (!(name in (kernel.params ?? {}))) fail(`has no parameter "${name}".`);
  }
  const workgroups = kernel.workgroups(solved);
  const most = limits.maxComputeWorkgroupsPerDimension;
  if (workgroups.some((count) => !Number.isInteger(count) || count < 0 || count > most)) {
    fail(
      `a dispatch of [${workgroups.join(', ')}] workgroups is not possible: each must be an integer of at most ${most}. Fold x into a second dimension.`,
    );
  }
  return { solved, workgroups };
}

function solveDims(
  kernel: KernelSpec,
  tensors: Readonly<Record<string, Tensor>>,
  limits: PlanLimits,
  fail: (message: string) => never,
): Record<string, number> {
  const dims: Record<string, number> = {};
  const source: Record<string, string> = {};
  const owner = new Map<GPUBuffer, string>();
  for (const name of Object.keys(tensors)) {
    if (!(name in kernel.bindings)) fail(`has no binding "${name}".`);
  }
  for (const [name, spec] of Object.entries(kernel.bindings)) {
    const tensor = tensors[name] ?? fail(`binding "${name}" got no tensor.`);
    const who = `${name} (${tensor})`;
    if (!tensor.storage.alive) fail(`${who} was disposed with its scope.`);
    if (tensor.dtype !== spec.dtype) fail(`${who} must be ${spec.dtype}.`);
    if (tensor.shape.length !== spec.dims.length) fail(`${who} must have the dimensions [${spec.dims.join(', ')}].`);
    spec.dims.forEach((dim, i) => {
      const size = tensor.shape[i]!;
      if (typeof dim === 'number') {
        if (dim !== size) fail(`${who} has ${size} where [${spec.dims.join(', ')}] wants ${dim}.`);
      } else if (dim in dims) {
        if (dims[dim] !== size) fail(`"${dim}" is ${dims[dim]} in ${source[dim]} but ${size} in ${who}.`);
      } else {
        dims[dim] = size;
        source[dim] = who;
      }
    });
    if (tensor.byteLength > limits.maxStorageBufferBindingSize) {
      throw new OutOfMemoryError(
        `${kernel.name}: ${who} takes ${mib(tensor.byteLength)}, and this GPU binds at most ${mib(limits.maxStorageBufferBindingSize)} at once. Use a smaller model, shorter answers or a smaller batch.`,
        kernel.name,
      );
    }
    const other = owner.get(tensor.buffer);
    if (other !== undefined && (spec.access !== 'read' || kernel.bindings[other]!.access !== 'read')) {
      fail(`"${other}" and "${name}" are the same buffer, and one of them is written.`);
    }
    owner.set(tensor.buffer, name);
  }
  return dims;
}
