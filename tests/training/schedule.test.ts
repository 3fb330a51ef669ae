import { expect } from '@esm-bundle/chai';
import { InputError } from '../../src/errors.ts';
import { LORA_DEFAULTS, resolveLora, resolveTrainingConfig, TRAINING_DEFAULTS } from '../../src/training/config.ts';
import { epochOrder, stepBatches } from '../../src/training/data-order.ts';
import { learningRate, runLength } from '../../src/training/schedule.ts';

describe('training settings', () => {
  it('fill in defaults and keep what is given', () => {
    expect(resolveTrainingConfig()).to.deep.equal(TRAINING_DEFAULTS);
    expect(resolveTrainingConfig({ learning_rate: 5e-5, seed: undefined }).seed).to.equal(TRAINING_DEFAULTS.seed);
    expect(resolveLora()).to.deep.equal(LORA_DEFAULTS);
    expect(resolveLora({ target_modules: ['v_proj', 'q_proj'] }).target_modules).to.deep.equal(['q_proj', 'v_proj']);
  });

  it('name the setting that cannot be used', () => {
    for (const [setting, wrong] of [
      ['learning_rate', 0],
      ['learning_rate', Number.NaN],
      ['per_device_train_batch_size', 1.5],
      ['gradient_accumulation_steps', 0],
      ['adam_beta2', 1],
      ['max_grad_norm', -1],
      ['lr_scheduler_type', 'polynomial'],
    ] as const) {
      expect(() => resolveTrainingConfig({ [setting]: wrong }), setting)
        .to.throw(InputError)
        .with.property('subject', setting);
    }
    expect(() => resolveTrainingConfig({ lr: 1 } as never)).to.throw('lr is unknown to training');
    expect(() => resolveTrainingConfig({ lr_scheduler_type: 'constant', warmup_steps: 3 })).to.throw('no warm-up');
    expect(() => resolveLora({ r: 0 })).to.throw(InputError, 'r is 0; it must be a whole number from 1 to');
    expect(resolveLora({ lora_dropout: 0 }).lora_dropout).to.equal(0);
    for (const p of [-0.1, 1, Number.NaN]) {
      expect(() => resolveLora({ lora_dropout: p })).to.throw(
        InputError,
        `lora_dropout is ${p}; it must be a number of at least 0 and below 1.`,
      );
    }
    expect(() => resolveLora({ target_modules: [] })).to.throw(InputError, 'at least one');
    expect(() => resolveLora({ target_modules: ['lm_head'] as never })).to.throw(InputError, 'lm_head');
  });
});

describe('schedules', () => {
  const rates = (config: Parameters<typeof resolveTrainingConfig>[0], steps: number) =>
    Array.from({ length: steps }, (_, step) => learningRate(resolveTrainingConfig(config), step, steps));

  // The numbers of transformers' get_scheduler for 10 steps, 2 of them warm-up, at rate 1.
  it('follow transformers', () => {
    const near = (actual: number[], expected: number[]) =>
      actual.forEach((rate, step) => {
        expect(rate, `step ${step}`).to.be.closeTo(expected[step], 1e-12);
      });
    const common = { learning_rate: 1, warmup_steps: 2 };
    near(
      rates({ ...common, lr_scheduler_type: 'linear' }, 10),
      [0, 0.5, 1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125],
    );
    near(
      rates({ ...common, lr_scheduler_type: 'cosine' }, 10),
      [
        0, 0.5, 1, 0.9619397662556434, 0.8535533905932737, 0.6913417161825449, 0.5, 0.3086582838174552,
        0.14644660940672627, 0.03806023374435663,
      ],
    );
    near(rates({ ...common, lr_scheduler_type: 'constant_with_warmup' }, 4), [0, 0.5, 1, 1]);
    near(rates({ learning_rate: 1, lr_scheduler_type: 'constant' }, 3), [1, 1, 1]);
  });

  it('count steps', () => {
    const config = (given: object) => resolveTrainingConfig({ per_device_train_batch_size: 3, ...given });
    expect(runLength(config({ num_train_epochs: 2 }), 10)).to.deep.equal({ steps: 8, stepsPerEpoch: 4 });
    expect(runLength(config({ gradient_accumulation_steps: 3 }), 10)).to.deep.equal({ steps: 6, stepsPerEpoch: 2 });
    expect(runLength(config({ max_steps: 5 }), 10).steps).to.equal(5);
    expect(runLength(config({ num_train_epochs: 0.5 }), 10).steps).to.equal(2);
  });
});

describe('data order', () => {
  it('is a permutation, fixed by seed and epoch', () => {
    const first = epochOrder(7, 0, 50);
    expect([...first].sort((a, b) => a - b)).to.deep.equal(Array.from({ length: 50 }, (_, i) => i));
    expect(epochOrder(7, 0, 50)).to.deep.equal(first);
    expect(epochOrder(7, 1, 50)).not.to.deep.equal(first);
    expect(epochOrder(8, 0, 50)).not.to.deep.equal(first);
  });

  it('takes every pair once per epoch, whatever the batches', () => {
    for (const [size, accumulation] of [
      [1, 1],
      [4, 1],
      [3, 2],
      [2, 4],
    ]) {
      const config = resolveTrainingConfig({
        per_device_train_batch_size: size,
        gradient_accumulation_steps: accumulation,
      });
      const { stepsPerEpoch } = runLength(config, 10);
      const taken = (epoch: number) =>
        Array.from({ length: stepsPerEpoch }, (_, s) => stepBatches(config, 10, epoch * stepsPerEpoch + s)).flat(2);
      expect(taken(0)).to.deep.equal(epochOrder(config.seed, 0, 10));
      expect(taken(2)).to.deep.equal(epochOrder(config.seed, 2, 10));
    }
  });

  it('gives a batch of four the pairs of four batches of one', () => {
    const of = (size: number, accumulation: number) =>
      stepBatches(
        resolveTrainingConfig({ per_device_train_batch_size: size, gradient_accumulation_steps: accumulation }),
        8,
        1,
      );
    expect(of(4, 1)).to.have.length(1);
    expect(of(1, 4)).to.have.length(4);
    expect(of(1, 4).flat()).to.deep.equal(of(4, 1).flat());
  });
});
