/** What the trainer cannot know about answers: words, and what they are worth. */
import type { RewardFunction } from './rewards.ts';

export interface AnswerSource {
  /** Tokens that end an answer. */
  readonly stopIds: readonly number[];
  /** The text of an answer, without special tokens. */
  readonly decode: (ids: readonly number[]) => string;
  /** At least one; prompts are told apart by their number among `FamilyOptions.pairs`. */
  readonly rewards: readonly RewardFunction[];
  /** Prompts of the step that have been answered and rewarded. */
  readonly onProgress?: (done: number, total: number) => void;
}
