// Visual tokens take their places: target[rows[i], :] = source[i, :]
// source f32 [count, width] · rows u32 [count], all different · target f32 [target_rows, width], other rows untouched
// One thread per element; grid = (width / WORKGROUP_SIZE, count). A row past the end of the target is dropped.
// Exact: a copy.
// Gradient: gather-rows.
override WORKGROUP_SIZE: u32;

struct Params {
  width: u32,
  target_rows: u32,
}

@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read_write> target_buffer: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let column = thread.x;
  let index = thread.y;
  let row = rows[index];
  if (column >= params.width || row >= params.target_rows) {
    return;
  }
  target_buffer[row * params.width + column] = source[index * params.width + column];
}
