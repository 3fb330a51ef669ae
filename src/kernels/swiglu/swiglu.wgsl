// Formula:   y[r, i] = silu(gate[r, i]) · up[r, i], silu(z) = z / (1 + exp(-z)); gate and up lie side by side
// Shapes:    gate_up f32 [rows, 2 · inner], gate first -> y f32 [rows, inner]
// Work:      a thread makes one element; grid = (inner, rows)
// Numerics:  f32; the exponent stops at 80, so exp stays finite: silu(-80) is -1.4e-33, zero for every purpose
// Gradient:  swiglu-backward
override WORKGROUP_SIZE: u32;

struct Params {
  inner: u32,
}

@group(0) @binding(0) var<storage, read> gate_up: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let column = thread.x;
  let row = thread.y;
  if (column >= params.inner) {
    return;
  }
  let gate = gate_up[row * 2u * params.inner + column];
  let up = gate_up[row * 2u * params.inner + params.inner + column];
  y[row * params.inner + column] = gate / (1.0 + exp(min(-gate, 80.0))) * up;
}
