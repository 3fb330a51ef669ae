/** Every loss of every family in one list, each with the name of its family: what choosers and plots go through. */
import { objectives } from '../index.ts';
import type { Objective } from '../objective.ts';
import type { CoupledObjective } from './coupled.ts';
import type { SequenceObjective, TokenObjective } from './group.ts';
import {
  coupledObjectives,
  rewardModelObjectives,
  sequenceObjectives,
  tokenObjectives,
  unpairedObjectives,
} from './index.ts';
import type { RewardModelObjective } from './reward-model.ts';
import type { UnpairedObjective } from './unpaired.ts';

/** A loss with its family, so that a `switch` over `kind` knows its interface. */
export type EveryLoss =
  | { readonly kind: 'pairwise'; readonly loss: Objective }
  | { readonly kind: 'unpaired'; readonly loss: UnpairedObjective }
  | { readonly kind: 'coupled'; readonly loss: CoupledObjective }
  | { readonly kind: 'reward-model'; readonly loss: RewardModelObjective }
  | { readonly kind: 'token'; readonly loss: TokenObjective }
  | { readonly kind: 'sequence'; readonly loss: SequenceObjective };

/** In the order of the picker: pairwise first, then family by family. */
export const everyLoss: readonly EveryLoss[] = [
  ...objectives.map((loss) => ({ kind: 'pairwise', loss }) as const),
  ...unpairedObjectives.map((loss) => ({ kind: 'unpaired', loss }) as const),
  ...coupledObjectives.map((loss) => ({ kind: 'coupled', loss }) as const),
  ...tokenObjectives.map((loss) => ({ kind: 'token', loss }) as const),
  ...sequenceObjectives.map((loss) => ({ kind: 'sequence', loss }) as const),
  ...rewardModelObjectives.map((loss) => ({ kind: 'reward-model', loss }) as const),
];

const byId = new Map(everyLoss.map((each) => [each.loss.id, each]));

/** The loss with this id, whatever its family. */
export const taggedLoss = (id: string): EveryLoss | undefined => byId.get(id);

/** Whether a loss learns from answers that the policy samples while it trains. */
export function samplesAnswers(id: string): boolean {
  const kind = taggedLoss(id)?.kind;
  return kind === 'token' || kind === 'sequence';
}

/** Heading of a loss in a list of all: pairwise objectives stand under their own families. */
export function shelfOf({ kind, loss }: EveryLoss): string {
  switch (kind) {
    case 'pairwise':
      return loss.family;
    case 'unpaired':
      return 'single answers, good or bad';
    case 'coupled':
      return 'pairs of a batch, coupled';
    case 'token':
      return 'sampled answers, token by token';
    case 'sequence':
      return 'sampled answers, as a whole';
    case 'reward-model':
      return 'reward models';
  }
}
