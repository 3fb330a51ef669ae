// A weight matrix stored as f16, two elements to a u32 (low half first). Needs no `shader-f16`. Always binding 1.
@group(0) @binding(1) var<storage, read> weights: array<vec2u>;

/// Elements 4·index .. 4·index + 3 of the matrix in row-major order.
fn weight4(index: u32) -> vec4f {
  let pairs = weights[index];
  return vec4f(unpack2x16float(pairs.x), unpack2x16float(pairs.y));
}
