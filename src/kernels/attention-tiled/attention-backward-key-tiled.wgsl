// Formula:   as attention-backward-key: dv[j, g] = Σ p dy[r, h], dk[j, g] = Σ ds q[r, h] / √d over heads h of group g
// Shapes:    as attention-backward-key: q, dy f32 [rows, heads · d], k, v f32 [keys, kv_heads · d], spans u32 [rows, 4],
//            stats f32 [rows, heads, 2], seen_by u32 [keys, 2] -> d_kv f32 [keys, 2 kv_heads · d]; d % 4 = 0, d ≤ 128
// Work:      a workgroup per (16 keys, group): for each 16 rows and head, first p and ds once per pair, then dk and dv
// Numerics:  f32, rows in order; a row that does not see the key weighs 0
// Gradient:  none: part 3 of 3 of the gradient of attention
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

// p and ds of a thread's pairs: one row, four keys.
var<workgroup> weights: array<vec4f, THREADS>;
var<workgroup> d_scores: array<vec4f, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let quads = params.head_dim / 4u;
  let first_key = group.x * TILE;
  let kv_head = group.y;
  let heads = params.heads / params.kv_heads;
  let scale = inverseSqrt(f32(params.head_dim));

  // The rows that see any of these keys.
  var rows = vec2u(params.rows, 0u);
  for (var key = first_key; key < min(first_key + TILE, params.keys); key++) {
    let seen = seen_by[key];
    if (seen.x < seen.y) {
      rows = vec2u(min(rows.x, seen.x), max(rows.y, seen.y));
    }
  }

  // A thread has four keys. In the first half of a turn, also one row of the tile; in the second, every TILE-th vec4 of
  // the keys' dk and dv: a matrix with a column per key.
  let line = thread % TILE;
  let four = thread / TILE;
  let key = first_key + four + OWN;
  var dk: array<mat4x4f, MAX_SLOTS>; // not yet scaled
  var dv: array<mat4x4f, MAX_SLOTS>;

  for (var first = rows.x; first < rows.y; first += TILE) {
    let row = first + line;
    let span = spans[min(row, params.rows - 1u)];
    let counts = sees_four(span, key) & vec4<bool>(row < params.rows) & (key < vec4u(params.keys));

    for (var head = kv_head * heads; head < (kv_head + 1u) * heads; head++) {
      let corner = Corner(first, head, first_key, kv_head);
      let found = pairs(corner, Q + line * STRIDE, K + (four + OWN) * STRIDE, thread);
      let stat = stats[min(row, params.rows - 1u) * params.heads + head];
      let p = select(vec4f(0.0), exp(min(found.scores * scale - stat.x, vec4f(0.0))), counts);
      weights[thread] = p;
      d_scores[thread] = p * (found.d_weights - stat.y);
      workgroupBarrier();

      for (var slot = 0u; slot < MAX_SLOTS; slot++) {
        let quad = slot * TILE + line;
        if (quad < quads) {
          for (var i = 0u; i < min(TILE, params.rows - first); i++) {
            let at = ((first + i) * params.heads + head) * quads + quad;
            let weight = weights[four * TILE + i];
            let d_score = d_scores[four * TILE + i];
            dv[slot] += mat4x4f(dy[at] * weight.x, dy[at] * weight.y, dy[at] * weight.z, dy[at] * weight.w);
            dk[slot] += mat4x4f(q[at] * d_score.x, q[at] * d_score.y, q[at] * d_score.z, q[at] * d_score.w);
          }
        }
      }
    }
  }

  for (var slot = 0u; slot < MAX_SLOTS; slot++) {
    let quad = slot * TILE + line;
    if (quad < quads) {
      for (var i = 0u; i < 4u; i++) {
        if (key[i] < params.keys) {
          let dk_at = (key[i] * 2u * params.kv_heads + kv_head) * quads + quad;
          d_kv[dk_at] = dk[slot][i] * scale;
          d_kv[dk_at + params.kv_heads * quads] = dv[slot][i];
        }
      }
    }
  }
}
