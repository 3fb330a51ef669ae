// Formula:   d_hidden[s, j] = d_scores[s] · weights[j]; d_weights[j] += Σ over s of d_scores[s] · hidden[s, j]
// Shapes:    hidden f32 [sequences, width], weights f32 [1, width], d_scores f32 [sequences]
//            -> d_hidden f32 [sequences, width], d_weights f32 [1, width] (added to)
// Work:      one lane per column, which goes through the sequences: a micro-batch has few
// Numerics:  f32 sums in the order of the sequences. Gradient: none, this is the gradient of score-head

struct Params {
  sequences: u32,
  width: u32,
}

@group(0) @binding(0) var<storage, read> hidden: array<f32>;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> d_scores: array<f32>;
@group(0) @binding(3) var<storage, read_write> d_hidden: array<f32>;
@group(0) @binding(4) var<storage, read_write> d_weights: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

override WORKGROUP_SIZE: u32;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let column = thread.x;
  if (column >= params.width) {
    return;
  }
  var sum = 0.0;
  for (var s = 0u; s < params.sequences; s++) {
    let at = s * params.width + column;
    d_hidden[at] = d_scores[s] * weights[column];
    sum += d_scores[s] * hidden[at];
  }
  d_weights[column] += sum;
}
