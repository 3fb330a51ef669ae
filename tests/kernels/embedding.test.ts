import { embedding } from '../../src/kernels/embedding/kernel.ts';
import { embeddingReference } from '../../src/kernels/embedding/reference.ts';
import { packWeights, unpackWeights, type WeightFormat } from '../../src/kernels/shared/weights.ts';
import { testKernel } from '../support/kernel-harness.ts';
import { EXACT } from '../support/tolerance.ts';

describe('embedding', () => {
  for (const format of ['f32', 'f16', 'bf16'] as WeightFormat[]) {
    testKernel(
      embedding[format],
      [
        { rows: 1, vocab: 1, width: 4 },
        { rows: 7, vocab: 13, width: 48 },
        { rows: 3, vocab: 509, width: 260 },
      ],
      ({ rows, vocab, width }, random) => {
        const packed = packWeights(format, random.normals(vocab * width));
        const ids = random.ints(rows, vocab);
        return {
          tensors: {
            ids: { shape: [rows], data: ids },
            weights: { shape: [vocab, format === 'f32' ? width : width / 2], data: packed },
            embeddings: { shape: [rows, width] },
          },
          expected: { embeddings: embeddingReference(ids, unpackWeights(format, packed), width) },
        };
      },
      EXACT,
    );
  }
});
