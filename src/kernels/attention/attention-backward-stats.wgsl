// Formula:   stats[r, h] = (lse[r, h], Σ_i dy[r, h, i] · y[r, h, i]): what the backward pass needs of a row's softmax
// Shapes:    y, dy f32 [rows, heads · d], lse f32 [rows, heads] -> stats f32 [rows, heads, 2]; d % 4 = 0
// Work:      a thread takes one head of one row; grid = (rows · heads)
// Numerics:  f32. Σ_j p_j (dy · v_j) equals dy · y, because y = Σ_j p_j v_j: no sum over keys
// Gradient:  none: part 1 of 3 of the gradient of attention
override WORKGROUP_SIZE: u32;

struct Params {
  rows: u32,
  heads: u32,
  head_dim: u32,
}

@group(0) @binding(0) var<storage, read> y: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read> lse: array<f32>;
@group(0) @binding(3) var<storage, read_write> stats: array<vec2f>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  if (thread.x >= params.rows * params.heads) {
    return;
  }
  let quads = params.head_dim / 4u;
  var sum = 0.0;
  for (var i = 0u; i < quads; i++) {
    sum += dot(dy[thread.x * quads + i], y[thread.x * quads + i]);
  }
  stats[thread.x] = vec2f(lse[thread.x], sum);
}
