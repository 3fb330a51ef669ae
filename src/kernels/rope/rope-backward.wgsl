// Formula:   pair (dy[i], dy[i + d/2]) of each head of q and k turns back by its position's angle; dv is only moved
// Shapes:    dq f32 [rows, heads · d], d_kv f32 [keys, 2 kv_heads · d] = dk, dv side by side, row r at key_row[r],
//            angles f32 [positions, d/2, 2] = (cos, sin), position, key_row u32 [rows] -> d_qkv f32, as qkv of rope
// Work:      a thread takes one pair of one head; grid = (pairs, rows)
// Numerics:  f32; a turn keeps lengths, so nothing grows
// Gradient:  none: this is the gradient of rope
override WORKGROUP_SIZE: u32;

struct Params {
  heads: u32,
  kv_heads: u32,
  head_dim: u32,
}

@group(0) @binding(0) var<storage, read> dq: array<f32>;
@group(0) @binding(1) var<storage, read> d_kv: array<f32>;
@group(0) @binding(2) var<storage, read> angles: array<vec2f>;
@group(0) @binding(3) var<storage, read> position: array<u32>;
@group(0) @binding(4) var<storage, read> key_row: array<u32>;
@group(0) @binding(5) var<storage, read_write> d_qkv: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let pairs = params.head_dim / 2u;
  let all_heads = params.heads + 2u * params.kv_heads;
  let head = thread.x / pairs;
  let pair = thread.x % pairs;
  let row = thread.y;
  if (head >= all_heads) {
    return;
  }

  let to = (row * all_heads + head) * params.head_dim + pair;
  var first: f32;
  var second: f32;
  if (head < params.heads) {
    let source = (row * params.heads + head) * params.head_dim + pair;
    first = dq[source];
    second = dq[source + pairs];
  } else {
    let source = (key_row[row] * 2u * params.kv_heads + head - params.heads) * params.head_dim + pair;
    first = d_kv[source];
    second = d_kv[source + pairs];
  }

  if (head >= params.heads + params.kv_heads) {
    d_qkv[to] = first; // a value was not turned
    d_qkv[to + pairs] = second;
    return;
  }
  let angle = angles[position[row] * pairs + pair];
  d_qkv[to] = first * angle.x + second * angle.y;
  d_qkv[to + pairs] = second * angle.x - first * angle.y;
}
