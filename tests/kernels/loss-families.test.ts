import { batchOrder, coupledLoss } from '../../src/kernels/coupled-loss/index.ts';
import { ascending, ranks } from '../../src/kernels/losses/families/coupled.ts';
import { hyperparameterValues, type LossDescription } from '../../src/kernels/losses/families/description.ts';
import {
  coupledObjectives,
  rewardModelObjectives,
  sequenceObjectives,
  tokenObjectives,
  unpairedObjectives,
} from '../../src/kernels/losses/families/index.ts';
import { resolveHyperparameters } from '../../src/kernels/losses/hyperparameters.ts';
import { rewardModelLoss } from '../../src/kernels/reward-model-loss/index.ts';
import { sequenceLoss } from '../../src/kernels/sequence-loss/kernel.ts';
import { tokenLoss } from '../../src/kernels/token-loss/kernel.ts';
import { unpairedLoss } from '../../src/kernels/unpaired-loss/index.ts';
import { runKernel } from '../support/kernel-harness.ts';
import { random } from '../support/random.ts';
import { EXACT, expectClose, F32 } from '../support/tolerance.ts';

/** One row, a prime, one past a workgroup of 64. */
const SIZES = [1, 61, 65];

const column = (data: ArrayLike<number>, width: number, at: number): number[] =>
  Array.from({ length: data.length / width }, (_, row) => data[row * width + at]);

const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((total, value) => total + value, 0);

/** Every uniform a dispatch of a family wants beside its sizes. */
const defaults = (loss: LossDescription) => hyperparameterValues(loss, resolveHyperparameters(loss, {}));

describe('the dispatches of the loss families stay inside their buffers', () => {
  for (const count of SIZES) {
    const generator = random(count);
    const groups = Math.ceil(count / 64);
    const rows = (width: number) => ({ shape: [count, width], data: generator.normals(count * width) });
    const padding = { reserved_0: 0, reserved_1: 0 };

    it(`unpaired-loss, ${count} rows`, async () => {
      for (const loss of unpairedObjectives) {
        const data = generator.normals(count * 2).map((value, i) => (i % 2 === 1 ? (i >> 1) % 2 : value));
        const { results, partials } = await runKernel(unpairedLoss(loss), {
          tensors: {
            rows: { shape: [count, 2], data },
            results: { shape: [count, 3] },
            partials: { shape: [groups, 3] },
          },
          params: { counted: count, wanted: 1, unwanted: 1, ...defaults(loss) },
        });
        expectClose([sum(column(partials, 3, 0))], [sum(column(results, 3, 0)) / count], F32, loss.id);
      }
    });

    it(`reward-model-loss, ${count} rows`, async () => {
      for (const loss of rewardModelObjectives) {
        const { results, partials } = await runKernel(rewardModelLoss(loss), {
          tensors: { rows: rows(3), results: { shape: [count, 3] }, partials: { shape: [groups, 3] } },
          params: { count, ...padding, ...defaults(loss) },
        });
        expectClose([sum(column(partials, 3, 0))], [sum(column(results, 3, 0)) / count], F32, loss.id);
      }
    });

    it(`token-loss, ${count} rows`, async () => {
      for (const loss of tokenObjectives) {
        const { results, partials } = await runKernel(tokenLoss(loss), {
          tensors: { rows: rows(8), results: { shape: [count, 4] }, partials: { shape: [groups, 2] } },
          params: { count, ...padding, ...defaults(loss) },
        });
        expectClose([sum(column(partials, 2, 0))], [sum(column(results, 4, 0))], F32, loss.id);
        expectClose([sum(column(partials, 2, 1))], [sum(column(results, 4, 3)) / count], F32, `${loss.id}: clipped`);
      }
    });

    it(`sequence-loss, ${2 * count} rows`, async () => {
      for (const loss of sequenceObjectives) {
        const answers = 2 * count;
        const data = generator.normals(answers * 4).map((value, i) => (i % 4 === 2 ? 1 + generator.int(9) : value));
        const many = Math.ceil(answers / 64);
        const { results, partials } = await runKernel(sequenceLoss(loss), {
          tensors: {
            rows: { shape: [answers, 4], data },
            results: { shape: [answers, 2] },
            partials: { shape: [many, 1] },
          },
          params: { group_size: 2, scale: 1 / count, reserved: 0, ...defaults(loss) },
        });
        expectClose([sum(partials)], [sum(column(results, 2, 0))], F32, loss.id);
      }
    });

    it(`batch-order and coupled-loss, ${count} rows`, async () => {
      const pairs = rows(4);
      const order = await runKernel(batchOrder, {
        tensors: { rows: pairs, ranks: { shape: [count, 4] }, sorted: { shape: [count, 4] } },
      });
      for (let at = 0; at < 4; at++) {
        const values = column(pairs.data, 4, at);
        expectClose(column(order.ranks, 4, at), ranks(values), EXACT, 'ranks');
        expectClose(
          column(order.sorted, 4, at),
          ascending(values).map((index) => values[index]),
          EXACT,
          'sorted',
        );
      }
      for (const loss of coupledObjectives) {
        const { results, partials } = await runKernel(coupledLoss(loss), {
          tensors: {
            rows: pairs,
            ranks: { shape: [count, 4], data: order.ranks },
            sorted: { shape: [count, 4], data: order.sorted },
            results: { shape: [count, 3] },
            partials: { shape: [groups, 1] },
          },
          params: { count, ...padding, ...defaults(loss) },
        });
        expectClose([sum(partials)], [sum(column(results, 3, 0)) / count], F32, loss.id);
      }
    });
  }
});
