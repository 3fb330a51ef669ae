import { expect } from '@esm-bundle/chai';
import { InputError } from '../../src/errors.ts';
import { CURVE_PAIR } from '../../src/kernels/losses/curves.ts';
import { type EveryLoss, everyLoss } from '../../src/kernels/losses/families/every.ts';
import { prepareOnPairs, samplePair } from '../../src/kernels/losses/families/on-pairs.ts';
import { resolveHyperparameters } from '../../src/kernels/losses/hyperparameters.ts';
import { type PairInputs, pairInputs } from '../../src/kernels/losses/inputs.ts';

/** Values that a person may type: beyond every slider, at every edge, and no numbers at all. */
const TRIED = [-1e9, -1, -0.5, -1e-9, 0, 1e-9, 0.5, 0.999, 1, 1.5, 2, 1e3, 1e9];
const NO_NUMBERS = [Number.NaN, Infinity, -Infinity];

/** Knobs that any real number makes sense for, with the reason. */
const ANY_NUMBER: Readonly<Record<string, string>> = {
  'alphapo.alpha': 'the reward bends one way or the other',
  'bco_pair.delta': 'a level of rewards, which may have any sign',
  'mpo.delta': 'a level of rewards, which may have any sign',
  'mdpo.anchor': 'a level of rewards, which may have any sign',
  'bco_unpaired.seen_mean': 'a mean of rewards, which may have any sign',
  'ppo_fact_rlhf.no_stop_penalty': 'a reward of the person’s own making',
  'ppo_fact_rlhf.length_bonus_score': 'a reward of the person’s own making',
  'ppo_fact_rlhf.correct_bonus_score': 'a reward of the person’s own making',
};

/** The example pair, the same far won and far lost, and one in which nothing has moved. */
const PAIRS: readonly PairInputs[] = [
  CURVE_PAIR,
  pairInputs({ ...CURVE_PAIR, chosenLogRatio: 30, rejectedLogRatio: -30 }),
  pairInputs({ ...CURVE_PAIR, chosenLogRatio: -30, rejectedLogRatio: 30 }),
  pairInputs({ ...CURVE_PAIR, chosenLogRatio: 0, rejectedLogRatio: 0 }),
];

/** What resolving makes of one knob: the message of the refusal, or null where the value is accepted. */
function refused({ loss }: EveryLoss, key: string, value: number): string | null {
  try {
    resolveHyperparameters(loss, { [key]: value });
    return null;
  } catch (error) {
    expect(error, `${loss.id}.${key} = ${value}`).to.be.instanceOf(InputError);
    return (error as InputError).message;
  }
}

describe('bad hyperparameters', () => {
  for (const tagged of everyLoss) {
    const { loss } = tagged;
    it(`${loss.id} refuses them with a sentence, and computes with all others`, () => {
      const named = (message: string) =>
        loss.hyperparameters.some(({ key, symbol }) => message.startsWith(`${symbol} (${key}) = `));
      for (const { key } of loss.hyperparameters) {
        const what = `${loss.id}.${key}`;
        for (const value of NO_NUMBERS)
          expect(refused(tagged, key, value), what).to.contain('a finite number is needed');
        const messages = TRIED.map((value) => ({ value, message: refused(tagged, key, value) }));
        for (const { value, message } of messages) {
          if (message !== null) {
            expect(message, what).to.match(/: .+\.$/);
            // Where knobs bound one another, the sentence may name the other one.
            expect(named(message), what).to.equal(true);
            continue;
          }
          const values = prepareOnPairs(tagged, PAIRS, resolveHyperparameters(loss, { [key]: value }));
          for (const pair of PAIRS) {
            const { loss: number, chosen, rejected } = samplePair(tagged, pair, values, PAIRS);
            expect([number, chosen, rejected].every(Number.isFinite), `${what} = ${value}: ${number}`).to.equal(true);
          }
        }
        const never = messages.every(({ message }) => message === null);
        expect(never, `${what}: ${never ? 'everything is accepted' : 'something is refused'}`).to.equal(
          what in ANY_NUMBER,
        );
      }
    });
  }

  it('are, above all, these', () => {
    for (const tagged of everyLoss) {
      const { id, hyperparameters } = tagged.loss;
      const has = (key: string) => hyperparameters.some((each) => each.key === key);
      if (has('beta')) {
        expect(refused(tagged, 'beta', -0.1), `${id}: β < 0`).to.contain('it must');
        // As the price of a KL, 0 does without a reference; as a scale, it says nothing.
        const price = ['grpo', 'bnpo', 'dr_grpo', 'rloo'].includes(id);
        expect(refused(tagged, 'beta', 0) === null, `${id}: β = 0`).to.equal(price);
      }
      if (has('label_smoothing')) {
        expect(refused(tagged, 'label_smoothing', 0.5), `${id}: ε = 1/2`).to.match(/0\.5[.:]/);
        expect(refused(tagged, 'label_smoothing', -0.1), `${id}: ε < 0`).to.contain('it must');
      }
    }
    const exo = everyLoss.find(({ loss }) => loss.id === 'exo_pair')!;
    expect(refused(exo, 'label_smoothing', 0)).to.contain('it must');
  });
});
