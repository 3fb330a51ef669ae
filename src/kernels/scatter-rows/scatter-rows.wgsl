// Formula:   target_buffer[rows[i], :] = source[i, :]: visual tokens take their places
// Shapes:    source f32 [count, width], rows u32 [count], all different -> target_buffer f32 [target_rows, width]
// Work:      a thread copies one element; grid = (width, count)
// Numerics:  exact: a copy; rows not named stay as they are, a row past the end is dropped
// Gradient:  gather-rows
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
