// A weight matrix stored as f32, read four neighbouring elements at a time. Always binding 1.
@group(0) @binding(1) var<storage, read> weights: array<vec4f>;

/// Elements 4·index .. 4·index + 3 of the matrix in row-major order.
fn weight4(index: u32) -> vec4f {
  return weights[index];
}
