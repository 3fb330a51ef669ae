/** Questions about the state that more than one part of the page asks. */
import { count } from './context.ts';
import type { AppState, CandidateRecord, ImageRecord } from './state.ts';

/** The selected image, if it is still there. */
export function selectedImageOf(state: AppState): ImageRecord | undefined {
  return state.images.find((image) => image.id === state.selectedImage);
}

/** The answers on the table: those of the selected image, in the order in which they came. */
export function candidatesOnTable(state: AppState): readonly CandidateRecord[] {
  return state.candidates.filter((candidate) => candidate.imageId === state.selectedImage);
}

/** What kept an answer from coming to an end, in words; null for a whole one. */
export function cutWords({
  finish,
  tokens,
  source,
}: Pick<CandidateRecord, 'finish' | 'tokens' | 'source'>): string | null {
  if (source !== 'sampled') return null;
  // Scored again by another model, it carries the end token that training would append.
  const drawn = tokens.filter(({ special }) => !special).length;
  if (finish === 'length') return `cut off at ${count(drawn, 'token')}`;
  return finish === 'cancelled' ? `cancelled after ${count(drawn, 'token')}` : null;
}

/** The pairs in words: how many there are, how many have numbers, and why others have none; '' without any. */
export function pairsInWords({ pairs }: Pick<AppState, 'pairs'>): string {
  if (pairs.length === 0) return '';
  const preferred = pairs.filter(({ verdict }) => verdict === 'preferred');
  const scored = preferred.filter(({ scores }) => scores).length;
  const reasons = preferred.flatMap(({ scores, error }) => (error && !scores ? [error] : []));
  const ties = pairs.length - preferred.length;
  const parts = [count(preferred.length, 'pair')];
  if (ties > 0) parts.push(count(ties, 'tie'));
  if (scored < preferred.length) parts.push(`${scored} scored`);
  if (reasons.length > 0) {
    const others = new Set(reasons).size > 1 ? ' And other reasons, beside the pairs.' : '';
    parts.push(`${reasons.length} could not be scored: ${reasons[0]}${others}`);
  }
  return parts.join(', ');
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
