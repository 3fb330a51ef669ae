import { expect } from '@esm-bundle/chai';
import { evaluateGroupF64 } from '../../src/kernels/losses/families/evaluate-group.ts';
import type { Completion } from '../../src/kernels/losses/families/group.ts';
import { groupObjectives } from '../../src/kernels/losses/families/index.ts';
import { resolveHyperparameters } from '../../src/kernels/losses/hyperparameters.ts';
import { groupLossKernels, recordGroupLoss } from '../../src/training/online/group-loss.ts';
import { random } from '../support/random.ts';
import { sharedGpu } from '../support/shared-gpu.ts';
import { expectClose } from '../support/tolerance.ts';

/** Answers per prompt; online DPO and XPO know no other number. */
const GROUP = 2;
const LENGTHS = [3, 1, 70, 7, 2, 5];

describe('from sampled answers to a gradient per token', () => {
  const source = random(23);
  const near = (values: readonly number[]) => values.map((value) => Math.fround(value + 0.2 * source.normal()));
  const completions = LENGTHS.map((length): Completion => {
    const logps = Array.from({ length }, () => Math.fround(-3 * source.next() - 0.1));
    return { logps, oldLogps: near(logps), refLogps: near(logps), oldValues: near(logps), reward: source.next() };
  });
  const starts = [0];
  for (const length of LENGTHS) starts.push(starts.at(-1)! + length);

  for (const objective of groupObjectives) {
    it(`${objective.id}: as the float64 evaluation, whose gradient is held against central differences`, async () => {
      const gpu = await sharedGpu();
      await gpu.prepare(groupLossKernels(objective));
      const scope = gpu.scope('test');
      try {
        const flat = Float32Array.from(completions.flatMap(({ logps }) => logps));
        const hyperparameters = resolveHyperparameters(objective, {});
        const batch = { groupSize: GROUP, completions };
        const logps = scope.upload('f32', [flat.length], flat, 'logps');
        const recorded = recordGroupLoss(gpu, scope, { objective, hyperparameters, batch, logps, starts });
        const [dLogps, partials] = (await gpu.readAll([recorded.dLogps, recorded.partials])) as Float32Array[];
        const expected = evaluateGroupF64({ ...batch, objective: objective.id, hyperparameters });
        expectClose(dLogps, expected.gradients.flat(), { atol: 1e-6, rtol: 1e-4 }, 'dLogps');
        const columns = recorded.partials.cols;
        const loss = partials.reduce((sum, value, at) => sum + (at % columns === 0 ? value : 0), 0);
        expect(loss).to.be.closeTo(expected.loss, 1e-4 * Math.max(1, Math.abs(expected.loss)));
        expect(recorded.signals).to.deep.equal(expected.signals.map(([first]) => first));
      } finally {
        scope.dispose();
      }
    });
  }
});
