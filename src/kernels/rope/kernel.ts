import { defineKernel, read, readWrite, write } from '../gpu/declare.ts';
import main from './rope.wgsl';
import backward from './rope-backward.wgsl';

/**
 * Rotary position embedding (Su et al. 2021, arXiv:2104.09864) in Hugging Face's rotate_half convention, and the
 * move of k and v to their rows of the key-value cache. For whole sequences `key_row[r]` is r.
 */
export const rope = defineKernel({
  name: 'rope',
  files: [main],
  bindings: {
    qkv: read('f32', ['rows', 'qkv_width']),
    angles: read('f32', ['positions', 'pairs', 2]),
    position: read('u32', ['rows']),
    key_row: read('u32', ['rows']),
    q: write('f32', ['rows', 'query_width']),
    k: readWrite('f32', ['keys', 'key_width']),
    v: readWrite('f32', ['keys', 'key_width']),
  },
  params: { heads: 'u32', kv_heads: 'u32', head_dim: 'u32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ heads, kv_heads, pairs, rows, WORKGROUP_SIZE }) => [
    Math.ceil(((heads + 2 * kv_heads) * pairs) / WORKGROUP_SIZE),
    rows,
    1,
  ],
  gradient: 'rope-backward',
});

/** Gradient of `rope`: those of q, k and v, turned back, side by side as the projection made them. */
export const ropeBackward = defineKernel({
  name: 'rope-backward',
  files: [backward],
  bindings: {
    dq: read('f32', ['rows', 'query_width']),
    d_kv: read('f32', ['keys', 'both_widths']),
    angles: read('f32', ['positions', 'pairs', 2]),
    position: read('u32', ['rows']),
    key_row: read('u32', ['rows']),
    d_qkv: write('f32', ['rows', 'qkv_width']),
  },
  params: { heads: 'u32', kv_heads: 'u32', head_dim: 'u32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ heads, kv_heads, pairs, rows, WORKGROUP_SIZE }) => [
    Math.ceil(((heads + 2 * kv_heads) * pairs) / WORKGROUP_SIZE),
    rows,
    1,
  ],
});

/**
 * The table the kernel reads: (cos, sin) of position · theta^(-2i / headDim), f32 [positions, headDim / 2, 2],
 * computed in f64 because WGSL promises its sin and cos only to 2^-11.
 */
export function ropeAngles(positions: number, headDim: number, theta: number): Float32Array {
  const pairs = headDim / 2;
  const table = new Float32Array(positions * pairs * 2);
  for (let i = 0; i < pairs; i++) {
    const frequency = theta ** ((-2 * i) / headDim);
    for (let position = 0; position < positions; position++) {
      const at = (position * pairs + i) * 2;
      table[at] = Math.cos(position * frequency);
      table[at + 1] = Math.sin(position * frequency);
    }
  }
  return table;
}
