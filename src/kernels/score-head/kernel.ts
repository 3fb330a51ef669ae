/** The head of a reward model: one number from the hidden state of an answer's last token, and back. */
import { defineKernel, read, readWrite, write } from '../gpu/declare.ts';
import reduce from '../shared/reduce.wgsl';
import forward from './score-head.wgsl';
import backward from './score-head-backward.wgsl';

/** Scores of sequences, as the `score` layer of Hugging Face's `AutoModelForSequenceClassification` gives them. */
export const scoreHead = defineKernel({
  name: 'score-head',
  files: [reduce, forward],
  bindings: {
    hidden: read('f32', ['sequences', 'width']),
    weights: read('f32', [1, 'width']),
    scores: write('f32', ['sequences']),
  },
  params: { width: 'u32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ sequences }) => [sequences!, 1, 1],
  gradient: 'score-head-backward',
});

/** Gradients of the hidden states, and of the layer's weights, which are added to what `d_weights` holds. */
export const scoreHeadBackward = defineKernel({
  name: 'score-head-backward',
  files: [backward],
  bindings: {
    hidden: read('f32', ['sequences', 'width']),
    weights: read('f32', [1, 'width']),
    d_scores: read('f32', ['sequences']),
    d_hidden: write('f32', ['sequences', 'width']),
    d_weights: readWrite('f32', [1, 'width']),
  },
  params: { sequences: 'u32', width: 'u32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ width, WORKGROUP_SIZE }) => [Math.ceil(width! / WORKGROUP_SIZE!), 1, 1],
});
