// Formula:   embeddings[row, :] = table[ids[row], :]
// Shapes:    ids u32 [rows], weights (table) f32, f16 or bf16 [vocab, width] -> embeddings f32 [rows, width]; width % 4 = 0
// Work:      a thread copies four neighbouring elements; grid = (width / 4, rows)
// Numerics:  exact: a copy, or a widening of the stored half; an id past the table reads row 0 (callers refuse those)
// Gradient:  none (the table is frozen)
override WORKGROUP_SIZE: u32;

struct Params {
  width: u32,
  vocab: u32,
}

@group(0) @binding(0) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> embeddings: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let quads = params.width / 4u;
  let column = thread.x;
  let row = thread.y;
  if (column >= quads) {
    return;
  }
  let id = select(0u, ids[row], ids[row] < params.vocab);
  embeddings[row * quads + column] = weight4(id * quads + column);
}
