/**
 * What each kernel did last, as the kernel viewer shows it.
 */
import type { KernelReport } from '../../engine/engine.ts';
import type { KernelSpec } from './declare.ts';
import type { Tensor } from './tensor.ts';
import type { DispatchTimer } from './timing.ts';

interface Activity {
  readonly kernel: KernelSpec;
  tensors: Readonly<Record<string, Tensor>>;
  workgroups: readonly number[];
  runs: number;
}

export class Reports {
  readonly #activities = new Map<string, Activity>();

  ran(kernel: KernelSpec, tensors: Readonly<Record<string, Tensor>>, workgroups: readonly number[]): void {
    const known = this.#activities.get(kernel.name);
    if (!known) {
      this.#activities.set(kernel.name, { kernel, tensors, workgroups, runs: 1 });
      return;
    }
    known.tensors = tensors;
    known.workgroups = workgroups;
    known.runs++;
  }

  list(kernels: readonly KernelSpec[], timer: DispatchTimer): KernelReport[] {
    const specs = new Map(kernels.map((kernel) => [kernel.name, kernel]));
    for (const { kernel } of this.#activities.values()) specs.set(kernel.name, specs.get(kernel.name) ?? kernel);
    return [...specs.values()].map((kernel) => {
      const activity = this.#activities.get(kernel.name);
      return {
        name: kernel.name,
        files: kernel.files.map(({ path, code }) => ({ path, code })),
        bindings: Object.entries(kernel.bindings).map(([name, { access, dtype, dims }]) => ({
          name,
          access,
          dtype,
          dims: `[${dims.join(', ')}]`,
        })),
        last: activity && {
          shapes: Object.fromEntries(Object.entries(activity.tensors).map(([name, { shape }]) => [name, [...shape]])),
          workgroups: [...activity.workgroups],
        },
        lastMicroseconds: timer.microseconds(kernel.name),
        runs: activity?.runs ?? 0,
      };
    });
  }
}
