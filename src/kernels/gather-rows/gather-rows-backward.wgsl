// Formula:   d_source[row, :] = Σ over i with rows[i] = row of d_picked[i, :]; 0 for a row that nobody picked
// Shapes:    d_picked f32 [count, width], order u32 [count] = the i sorted by rows[i], starts u32 [source_rows + 1]:
//            those of a row are order[starts[row]] .. order[starts[row + 1] - 1] -> d_source f32 [source_rows, width]
// Work:      a thread makes one element, without atomics; grid = (width, source_rows)
// Numerics:  f32 sums in the order of i
// Gradient:  none: this is the gradient of gather-rows
override WORKGROUP_SIZE: u32;

struct Params {
  width: u32,
}

@group(0) @binding(0) var<storage, read> d_picked: array<f32>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> starts: array<u32>;
@group(0) @binding(3) var<storage, read_write> d_source: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let column = thread.x;
  let row = thread.y;
  if (column >= params.width) {
    return;
  }
  var sum = 0.0;
  for (var i = starts[row]; i < starts[row + 1u]; i++) {
    sum += d_picked[order[i] * params.width + column];
  }
  d_source[row * params.width + column] = sum;
}
