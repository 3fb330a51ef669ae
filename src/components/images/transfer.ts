/** What a drop or a paste brought along. */

/** Files of a drop or a paste. A text that carries a picture along (from a word processor) counts as text. */
export function filesOf(transfer: DataTransfer | null, kind: 'drop' | 'paste'): File[] {
  if (!transfer) return [];
  if (kind === 'paste' && transfer.types.includes('text/plain')) return [];
  return [...transfer.files];
}

/** Whether something being dragged over the page may hold files. */
export function hasFiles(transfer: DataTransfer | null): boolean {
  return transfer?.types.includes('Files') ?? false;
}

/** Pictures on one side, workspace files (ZIP) on the other. */
export function sortFiles(files: readonly File[]): { pictures: File[]; workspaces: File[] } {
  const isWorkspace = (file: File) => /\.zip$/i.test(file.name) || file.type.includes('zip');
  return { pictures: files.filter((file) => !isWorkspace(file)), workspaces: files.filter(isWorkspace) };
}
