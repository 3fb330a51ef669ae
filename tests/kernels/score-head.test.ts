import { scoreHead, scoreHeadBackward } from '../../src/kernels/score-head/kernel.ts';
import { scoreHeadBackwardReference, scoreHeadReference } from '../../src/kernels/score-head/reference.ts';
import { dot, expectGradient } from '../support/central-differences.ts';
import { testKernel } from '../support/kernel-harness.ts';
import { random } from '../support/random.ts';

const SIZES = [
  { sequences: 1, width: 1 },
  { sequences: 4, width: 61 },
  { sequences: 3, width: 129 },
];

describe('score-head', () => {
  testKernel(scoreHead, SIZES, ({ sequences, width }, source) => {
    const [hidden, weights] = [source.normals(sequences * width), source.normals(width)];
    return {
      tensors: {
        hidden: { shape: [sequences, width], data: hidden },
        weights: { shape: [1, width], data: weights },
        scores: { shape: [sequences] },
      },
      expected: { scores: scoreHeadReference(hidden, weights) },
    };
  });

  testKernel(scoreHeadBackward, SIZES, ({ sequences, width }, source) => {
    const [hidden, weights] = [source.normals(sequences * width), source.normals(width)];
    const [dScores, before] = [source.normals(sequences), source.normals(width)];
    const { dHidden, dWeights } = scoreHeadBackwardReference(hidden, weights, dScores);
    return {
      tensors: {
        hidden: { shape: [sequences, width], data: hidden },
        weights: { shape: [1, width], data: weights },
        d_scores: { shape: [sequences], data: dScores },
        d_hidden: { shape: [sequences, width] },
        d_weights: { shape: [1, width], data: before },
      },
      expected: { d_hidden: dHidden, d_weights: dWeights.map((value, j) => value + before[j]) },
    };
  });

  it('has the slopes of the reference', () => {
    const source = random(5);
    const [hidden, weights, dScores] = [source.normals(3 * 4), source.normals(4), source.normals(3)];
    const { dHidden, dWeights } = scoreHeadBackwardReference(hidden, weights, dScores);
    expectGradient(dHidden, (at) => dot(dScores, scoreHeadReference(at, weights)), hidden, 'd(hidden)');
    expectGradient(dWeights, (at) => dot(dScores, scoreHeadReference(hidden, at)), weights, 'd(weights)');
  });
});
