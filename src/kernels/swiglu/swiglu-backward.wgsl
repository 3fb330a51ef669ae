// Formula:   dgate = dy · up · σ(gate) (1 + gate (1 - σ(gate))), dup = dy · silu(gate), side by side as gate and up are
// Shapes:    gate_up f32 [rows, 2 · inner], gate first, dy f32 [rows, inner] -> d_gate_up f32 [rows, 2 · inner]
// Work:      a thread makes the two gradients of one element; grid = (inner, rows)
// Numerics:  f32; σ as in shared/numerics.wgsl, precise on both tails
// Gradient:  none: this is the gradient of swiglu
override WORKGROUP_SIZE: u32;

struct Params {
  inner: u32,
}

@group(0) @binding(0) var<storage, read> gate_up: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> d_gate_up: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let column = thread.x;
  let row = thread.y;
  if (column >= params.inner) {
    return;
  }
  let gate_at = row * 2u * params.inner + column;
  let up_at = gate_at + params.inner;
  let gate = gate_up[gate_at];
  let slope = sigmoid(gate);
  let gradient = dy[row * params.inner + column];
  d_gate_up[gate_at] = gradient * gate_up[up_at] * slope * (1.0 + gate * sigmoid(-gate));
  d_gate_up[up_at] = gradient * gate * slope;
}
