// Formula:   pair (x[i], x[i + d/2]) of each head turns by position · theta^(-2i/d) (Hugging Face's rotate_half)
// Shapes:    qkv f32 [rows, (heads + 2 kv_heads) · d] (q, k, v side by side), angles f32 [positions, d/2, 2] = (cos, sin),
//            position, key_row u32 [rows] -> q f32 [rows, heads · d]; k, v f32 [keys, kv_heads · d], at row key_row[r]
// Work:      a thread takes one pair of one head; k and v go to their rows of the cache, v unturned; grid = (pairs, rows)
// Numerics:  f32; angles come from the CPU in f64, because WGSL promises sin and cos only to 2^-11
// Gradient:  rope-backward (turns back)
override WORKGROUP_SIZE: u32;

struct Params {
  heads: u32,
  kv_heads: u32,
  head_dim: u32,
}

@group(0) @binding(0) var<storage, read> qkv: array<f32>;
@group(0) @binding(1) var<storage, read> angles: array<vec2f>;
@group(0) @binding(2) var<storage, read> position: array<u32>;
@group(0) @binding(3) var<storage, read> key_row: array<u32>;
@group(0) @binding(4) var<storage, read_write> q: array<f32>;
@group(0) @binding(5) var<storage, read_write> k: array<f32>;
@group(0) @binding(6) var<storage, read_write> v: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

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

  let at = (row * all_heads + head) * params.head_dim + pair;
  let first = qkv[at];
  let second = qkv[at + pairs];
  let angle = angles[position[row] * pairs + pair];
  let turned = vec2f(first * angle.x - second * angle.y, second * angle.x + first * angle.y);

  let key_start = key_row[row] * params.kv_heads;
  if (head < params.heads) {
    let to = (row * params.heads + head) * params.head_dim + pair;
    q[to] = turned.x;
    q[to + pairs] = turned.y;
  } else if (head < params.heads + params.kv_heads) {
    let to = (key_start + head - params.heads) * params.head_dim + pair;
    k[to] = turned.x;
    k[to + pairs] = turned.y;
  } else {
    let to = (key_start + head - params.heads - params.kv_heads) * params.head_dim + pair;
    v[to] = first;
    v[to + pairs] = second;
  }
}
