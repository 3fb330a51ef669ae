// Formula:   dv[j, g] = Σ p dy[r, h], dk[j, g] = Σ ds q[r, h] / √d over the heads h of group g and the rows r that see
//            key j, with p and ds of (r, h, j) as in attention-backward-query
// Shapes:    q, dy f32 [rows, heads · d], k, v f32 [keys, kv_heads · d], spans u32 [rows, 4], stats f32 [rows, heads, 2],
//            seen_by u32 [keys, 2] = (first, end) row to look at -> d_kv f32 [keys, 2 kv_heads · d]: dk, dv side by side
// Work:      a thread takes one key of one group and walks the rows four at a time, without atomics; d ≤ 128
// Numerics:  f32; a row that does not see the key weighs 0
// Gradient:  none: part 3 of 3 of the gradient of attention
override WORKGROUP_SIZE: u32;

const MAX_QUADS = 32u; // vec4s of the largest head

struct Params {
  keys: u32,
  heads: u32,
  kv_heads: u32,
  head_dim: u32,
}

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<vec4f>;
@group(0) @binding(2) var<storage, read> v: array<vec4f>;
@group(0) @binding(3) var<storage, read> spans: array<vec4u>;
@group(0) @binding(4) var<storage, read> seen_by: array<vec2u>;
@group(0) @binding(5) var<storage, read> stats: array<vec2f>;
@group(0) @binding(6) var<storage, read> dy: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> d_kv: array<vec4f>;
@group(0) @binding(8) var<uniform> params: Params;

fn sees(row: u32, key: u32) -> bool {
  let span = spans[row];
  return (key >= span.x && key < span.y) || (key >= span.z && key < span.w);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let key = thread.x % params.keys;
  let kv_head = thread.x / params.keys;
  if (kv_head >= params.kv_heads) {
    return;
  }
  let quads = params.head_dim / 4u;
  let key_at = (key * params.kv_heads + kv_head) * quads;
  let group = params.heads / params.kv_heads;
  let scale = inverseSqrt(f32(params.head_dim));
  let rows = seen_by[key];

  // Of this key: k scaled, v, dk not yet scaled, and dv.
  var own_k: array<vec4f, MAX_QUADS>;
  var own_v: array<vec4f, MAX_QUADS>;
  var dk: array<vec4f, MAX_QUADS>;
  var dv: array<vec4f, MAX_QUADS>;
  for (var i = 0u; i < quads; i++) {
    own_k[i] = k[key_at + i] * scale;
    own_v[i] = v[key_at + i];
  }

  // From a multiple of four, so that neighbouring keys walk the same rows at the same time.
  for (var first = rows.x / 4u * 4u; first < rows.y; first += 4u) {
    let index = first + vec4u(0u, 1u, 2u, 3u);
    let row = min(index, vec4u(rows.y - 1u));
    let seen = vec4<bool>(sees(row.x, key), sees(row.y, key), sees(row.z, key), sees(row.w, key));
    let counts = seen & (index < vec4u(rows.y));
    if (!any(counts)) {
      continue;
    }
    for (var head = kv_head * group; head < (kv_head + 1u) * group; head++) {
      let line = row * params.heads + head;
      let at = line * quads;

      // Four queries as the columns of a matrix: the key times it is its four scores; the value and dy likewise.
      var scores = vec4f(0.0);
      var d_weights = vec4f(0.0);
      for (var i = 0u; i < quads; i++) {
        scores += own_k[i] * mat4x4f(q[at.x + i], q[at.y + i], q[at.z + i], q[at.w + i]);
        d_weights += own_v[i] * mat4x4f(dy[at.x + i], dy[at.y + i], dy[at.z + i], dy[at.w + i]);
      }
      let lse = vec4f(stats[line.x].x, stats[line.y].x, stats[line.z].x, stats[line.w].x);
      let mean = vec4f(stats[line.x].y, stats[line.y].y, stats[line.z].y, stats[line.w].y);
      let weights = select(vec4f(0.0), exp(min(scores - lse, vec4f(0.0))), counts);
      let d_scores = weights * (d_weights - mean);
      for (var i = 0u; i < quads; i++) {
        dv[i] += mat4x4f(dy[at.x + i], dy[at.y + i], dy[at.z + i], dy[at.w + i]) * weights;
        dk[i] += mat4x4f(q[at.x + i], q[at.y + i], q[at.z + i], q[at.w + i]) * d_scores;
      }
    }
  }

  let dk_at = (key * 2u * params.kv_heads + kv_head) * quads;
  let dv_at = dk_at + params.kv_heads * quads;
  for (var i = 0u; i < quads; i++) {
    d_kv[dk_at + i] = dk[i] * scale;
    d_kv[dv_at + i] = dv[i];
  }
}
