// Formula:   dv[j, g] = Σ p dy[r, h], dk[j, g] = Σ ds q[r, h] / √d over the heads h of group g and the rows r that see
//            key j, with p and ds of (r, h, j) as in attention-backward-query
// Shapes:    q, dy f32 [rows, heads · d], k, v f32 [keys, kv_heads · d], spans u32 [rows, 4], stats f32 [rows, heads, 2],
//            seen_by u32 [keys, 2] = (first, end) row to look at -> d_kv f32 [keys, 2 kv_heads · d]: dk, dv side by side
// Work:      a thread takes four keys of one group and walks the rows four at a time, without atomics; d ≤ 128
// Numerics:  f32; a row that does not see the key weighs 0
// Gradient:  none: part 3 of 3 of the gradient of attention
override WORKGROUP_SIZE: u32;

const MAX_QUADS = 32u; // vec4s of the largest head

struct Params {
  rows: u32,
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

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let fours = (params.keys + 3u) / 4u;
  let first_key = thread.x % fours * 4u;
  let kv_head = thread.x / fours;
  if (kv_head >= params.kv_heads) {
    return;
  }
  let quads = params.head_dim / 4u;
  let group = params.heads / params.kv_heads;
  let scale = inverseSqrt(f32(params.head_dim));
  // Keys past the end repeat the last one; their results are not stored.
  let key = min(first_key + vec4u(0u, 1u, 2u, 3u), vec4u(params.keys - 1u));
  let key_at = (key * params.kv_heads + kv_head) * quads;

  // The rows that see any of these keys.
  var rows = vec2u(0xffffffffu, 0u);
  for (var i = 0u; i < 4u; i++) {
    let seen = seen_by[key[i]];
    if (seen.x < seen.y) {
      rows = vec2u(min(rows.x, seen.x), max(rows.y, seen.y));
    }
  }

  // A matrix has a column per key: k scaled, v, dk not yet scaled, and dv.
  var own_k: array<mat4x4f, MAX_QUADS>;
  var own_v: array<mat4x4f, MAX_QUADS>;
  var dk: array<mat4x4f, MAX_QUADS>;
  var dv: array<mat4x4f, MAX_QUADS>;
  for (var i = 0u; i < quads; i++) {
    own_k[i] = mat4x4f(k[key_at.x + i], k[key_at.y + i], k[key_at.z + i], k[key_at.w + i]) * scale;
    own_v[i] = mat4x4f(v[key_at.x + i], v[key_at.y + i], v[key_at.z + i], v[key_at.w + i]);
  }

  // From a multiple of four, so that neighbouring threads walk the same rows at the same time.
  for (var first = rows.x / 4u * 4u; first < rows.y; first += 4u) {
    let row = min(first + vec4u(0u, 1u, 2u, 3u), vec4u(params.rows - 1u));
    var counts = array(vec4<bool>(), vec4<bool>(), vec4<bool>(), vec4<bool>());
    for (var r = 0u; r < 4u; r++) {
      counts[r] = sees_four(spans[row[r]], key) & vec4<bool>(first + r < params.rows);
    }

    for (var head = kv_head * group; head < (kv_head + 1u) * group; head++) {
      let line = row * params.heads + head;
      let at = line * quads;

      // The keys transposed times four queries as columns: each row's four scores; the values and dy likewise.
      var scores = mat4x4f();
      var d_weights = mat4x4f();
      for (var i = 0u; i < quads; i++) {
        scores += transpose(own_k[i]) * mat4x4f(q[at.x + i], q[at.y + i], q[at.z + i], q[at.w + i]);
        d_weights += transpose(own_v[i]) * mat4x4f(dy[at.x + i], dy[at.y + i], dy[at.z + i], dy[at.w + i]);
      }
      var weights = mat4x4f();
      var d_scores = mat4x4f();
      for (var r = 0u; r < 4u; r++) {
        let stat = stats[line[r]];
        weights[r] = select(vec4f(0.0), exp(min(scores[r] - stat.x, vec4f(0.0))), counts[r]);
        d_scores[r] = weights[r] * (d_weights[r] - stat.y);
      }
      for (var i = 0u; i < quads; i++) {
        dv[i] += mat4x4f(dy[at.x + i], dy[at.y + i], dy[at.z + i], dy[at.w + i]) * transpose(weights);
        dk[i] += mat4x4f(q[at.x + i], q[at.y + i], q[at.z + i], q[at.w + i]) * transpose(d_scores);
      }
    }
  }

  for (var c = 0u; c < 4u; c++) {
    if (first_key + c < params.keys) {
      let dk_at = (key[c] * 2u * params.kv_heads + kv_head) * quads;
      let dv_at = dk_at + params.kv_heads * quads;
      for (var i = 0u; i < quads; i++) {
        d_kv[dk_at + i] = dk[i][c] * scale;
        d_kv[dv_at + i] = dv[i][c];
      }
    }
  }
}
