/** The folder of a loss as people read it: its page and the TypeScript beside it. Loaded when somebody opens it. */

export interface LossFolder {
  /** `loss.md`, relative to the repository root, and its text. */
  readonly path: string;
  readonly text: string;
  /** `loss.ts` first, then what else the folder holds. */
  readonly sources: readonly { readonly path: string; readonly code: string }[];
}

/** The folder of a loss that exists; see `tools/loss-page-plugin.mjs`. */
export async function loadLossFolder(id: string): Promise<LossFolder> {
  const module: { readonly default: LossFolder } = await import(`../../kernels/losses/${id}/loss.md`);
  return module.default;
}
