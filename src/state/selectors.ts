/** Questions about the state that more than one part of the page asks. */
import type { AppState, CandidateRecord, ImageRecord } from './state.ts';

/** The selected image, if it is still there. */
export function selectedImageOf(state: AppState): ImageRecord | undefined {
  return state.images.find((image) => image.id === state.selectedImage);
}

/** The answers on the table: those of the selected image, in the order in which they came. */
export function candidatesOnTable(state: AppState): readonly CandidateRecord[] {
  return state.candidates.filter((candidate) => candidate.imageId === state.selectedImage);
}

export interface Marked {
  readonly chosen?: CandidateRecord;
  readonly rejected?: CandidateRecord;
}

/** What is marked on the table. */
export function markedOf(state: AppState): Marked {
  const table = candidatesOnTable(state);
  return {
    chosen: table.find((candidate) => candidate.mark === 'chosen'),
    rejected: table.find((candidate) => candidate.mark === 'rejected'),
  };
}

/** Both marked answers when they make a pair: two answers to one prompt about one image, neither empty. */
export function draftOf(state: AppState): { chosen: CandidateRecord; rejected: CandidateRecord } | null {
  const { chosen, rejected } = markedOf(state);
  if (!chosen || !rejected || chosen.prompt !== rejected.prompt) return null;
  if (!chosen.text.trim() || !rejected.text.trim()) return null;
  return { chosen, rejected };
}
