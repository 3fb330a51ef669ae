// A weight matrix stored as bf16, two elements to a u32 (low half first). Always binding 1.
// A bf16 is the upper half of an f32, so decoding is exact and costs a shift.
@group(0) @binding(1) var<storage, read> weights: array<vec2u>;

/// Elements 4·index .. 4·index + 3 of the matrix in row-major order.
fn weight4(index: u32) -> vec4f {
  let pairs = weights[index];
  let bits = vec4u(pairs.x << 16u, pairs.x & 0xffff0000u, pairs.y << 16u, pairs.y & 0xffff0000u);
  return bitcast<vec4f>(bits);
}
