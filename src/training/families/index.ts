/** Which family trains an objective. */
import { objectiveById } from '../../kernels/losses/index.ts';
import type { FamilyOptions, TrainingFamily } from './family.ts';
import { PairwiseFamily } from './pairwise.ts';

/** @throws InputError for an objective that is unknown. */
export function trainingFamily(options: FamilyOptions): TrainingFamily {
  return new PairwiseFamily(options, objectiveById(options.settings.objective));
}
