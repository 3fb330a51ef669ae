/** Which family trains an objective. */
import { InputError } from '../../errors.ts';
import { taggedLoss } from '../../kernels/losses/families/every.ts';
import { OnlineFamily } from '../online/online.ts';
import { CoupledFamily } from './coupled.ts';
import type { FamilyOptions, TrainingFamily } from './family.ts';
import { PairwiseFamily } from './pairwise.ts';
import { RewardModelFamily } from './reward-model.ts';
import { UnpairedFamily } from './unpaired.ts';

/** @throws InputError for an objective that is unknown. */
export function trainingFamily(options: FamilyOptions): TrainingFamily {
  const { objective } = options.settings;
  const tagged = taggedLoss(objective);
  switch (tagged?.kind) {
    case 'pairwise':
      return new PairwiseFamily(options, tagged.loss);
    case 'unpaired':
      return new UnpairedFamily(options, tagged.loss);
    case 'coupled':
      return new CoupledFamily(options, tagged.loss);
    case 'token':
    case 'sequence':
      return new OnlineFamily(options, tagged.loss);
    case 'reward-model':
      return new RewardModelFamily(options, tagged.loss);
    default:
      throw new InputError(`Training knows no objective "${objective}".`, 'objective');
  }
}
