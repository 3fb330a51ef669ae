/**
 * How a kernel is declared: plain data, no behaviour. The launcher reads it, the kernel viewer shows it,
 * the test harness walks over it.
 */

/** One whole `.wgsl` file, as imported. `path` is relative to the repository root. */
export interface WgslFile {
  readonly path: string;
  readonly code: string;
}

/** Element types a tensor may have. `f16` tensors bind as `array<f16>` and need the `shader-f16` feature. */
export type DType = 'f32' | 'u32' | 'i32' | 'f16';

/** A dimension is a name the launcher solves (equal names must agree) or a fixed number. */
export type Dim = string | number;

export interface BindingSpec {
  readonly access: 'read' | 'write' | 'read-write';
  readonly dtype: DType;
  readonly dims: readonly Dim[];
}

export const read = (dtype: DType, dims: readonly Dim[]): BindingSpec => ({ access: 'read', dtype, dims });
export const write = (dtype: DType, dims: readonly Dim[]): BindingSpec => ({ access: 'write', dtype, dims });
export const readWrite = (dtype: DType, dims: readonly Dim[]): BindingSpec => ({ access: 'read-write', dtype, dims });

export type ParamType = 'u32' | 'i32' | 'f32';

/** Values known at dispatch: every solved dimension and every uniform parameter, by name. */
export type Solved = Readonly<Record<string, number>>;

export interface KernelSpec<B extends Record<string, BindingSpec> = Record<string, BindingSpec>> {
  /** Folder name, e.g. `log-softmax-gather`. */
  readonly name: string;
  /** Whole files, joined in order. */
  readonly files: readonly WgslFile[];
  /** Defaults to `main`. */
  readonly entryPoint?: string;
  /** Order = `@binding(n)` in `@group(0)`; key = variable name in the WGSL. */
  readonly bindings: B;
  /**
   * Members of the uniform struct, in order; it is the last `@binding`. Filled from the solved dimensions
   * where a name matches one, else from the values given to `gpu.run`. Omit for no uniform.
   */
  readonly params?: Readonly<Record<string, ParamType>>;
  /** `override` constants with their defaults; may be tuned per device. */
  readonly constants?: Readonly<Record<string, number>>;
  /** WebGPU features this kernel cannot run without. */
  readonly features?: readonly GPUFeatureName[];
  /** Dispatch size from the solved dimensions, the parameters and the constants. */
  readonly workgroups: (solved: Solved) => readonly [number, number, number];
  /** Name of the kernel that computes its gradient, if it has one. */
  readonly gradient?: string;
}

/** Identity with inference: keeps the binding names in the type so that `gpu.run` can check them. */
export function defineKernel<const B extends Record<string, BindingSpec>>(spec: KernelSpec<B>): KernelSpec<B> {
  return spec;
}
