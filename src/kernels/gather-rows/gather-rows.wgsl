// Formula:   picked[i, :] = source[rows[i], :]
// Shapes:    source f32 [source_rows, width], rows u32 [count], may repeat -> picked f32 [count, width]
// Work:      a thread copies one element; grid = (width, count)
// Numerics:  exact: a copy; an index past the end reads row 0 (the caller refuses such indices)
// Gradient:  gather-rows-backward (repeated rows add up)
override WORKGROUP_SIZE: u32;

struct Params {
  width: u32,
  source_rows: u32,
}

@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read_write> picked: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let column = thread.x;
  let index = thread.y;
  if (column >= params.width) {
    return;
  }
  let row = select(0u, rows[index], rows[index] < params.source_rows);
  picked[index * params.width + column] = source[row * params.width + column];
}
