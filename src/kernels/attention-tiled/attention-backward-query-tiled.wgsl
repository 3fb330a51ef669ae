// Formula:   as attention-backward-query: dq[r, h] = Σ_j ds_j k[j, g] / √d, ds_j = p_j (dy · v[j, g] - dy · y)
// Shapes:    as attention-backward-query: q, dy f32 [rows, heads · d], k, v f32 [keys, kv_heads · d], spans u32 [rows, 4],
//            stats f32 [rows, heads, 2] = (lse, dy · y) -> dq f32 [rows, heads · d]; d % 4 = 0, d ≤ 128
// Work:      a workgroup per (16 rows, head): for each 16 keys, first ds once per pair, then dq
// Numerics:  f32, keys in order; a key that a row does not see weighs 0
// Gradient:  none: part 2 of 3 of the gradient of attention
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
@group(0) @binding(4) var<storage, read> stats: array<vec2f>;
@group(0) @binding(5) var<storage, read> dy: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> dq: array<vec4f>;
@group(0) @binding(7) var<uniform> params: Params;

// ds of a thread's pairs: one key, four rows.
var<workgroup> d_scores: array<vec4f, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let quads = params.head_dim / 4u;
  let first_row = group.x * TILE;
  let head = group.y;
  let kv_head = head / (params.heads / params.kv_heads);
  let scale = inverseSqrt(f32(params.head_dim));

  // A thread has four rows. In the first half of a turn, also one key of the tile; in the second, every TILE-th vec4 of
  // the rows' dq: a matrix with a column per row.
  let line = thread % TILE;
  let four = thread / TILE;
  let own = first_row + four + OWN;
  let row = min(own, vec4u(params.rows - 1u));
  let at = row * params.heads + head;
  let lse = vec4f(stats[at.x].x, stats[at.y].x, stats[at.z].x, stats[at.w].x);
  let mean = vec4f(stats[at.x].y, stats[at.y].y, stats[at.z].y, stats[at.w].y);
  let span = array(spans[row.x], spans[row.y], spans[row.z], spans[row.w]);
  var d_query: array<mat4x4f, MAX_SLOTS>; // not yet scaled

  let last_row = min(first_row + TILE, params.rows);
  var start = first_row;
  while (start < last_row) {
    let sequence = rows_of_sequence(start, last_row);
    for (var run = 0u; run < 2u; run++) {
      let keys = select(spans[start].xy, vec2u(spans[start].z, sequence.y), run == 1u);
      for (var first = keys.x; first < keys.y; first += TILE) {
        let key = first + line;
        let corner = Corner(first_row, head, first, kv_head);
        let found = pairs(corner, K + line * STRIDE, Q + (four + OWN) * STRIDE, thread);
        let seen = vec4<bool>(sees(span[0], key), sees(span[1], key), sees(span[2], key), sees(span[3], key));
        let belong = (own >= vec4u(start)) & (own < vec4u(sequence.x));
        let counts = seen & belong & vec4<bool>(key < keys.y);
        let p = select(vec4f(0.0), exp(min(found.scores * scale - lse, vec4f(0.0))), counts);
        d_scores[thread] = p * (found.d_weights - mean);
        workgroupBarrier();

        for (var slot = 0u; slot < MAX_SLOTS; slot++) {
          let quad = slot * TILE + line;
          if (quad < quads) {
            for (var i = 0u; i < min(TILE, keys.y - first); i++) {
              let key4 = k[((first + i) * params.kv_heads + kv_head) * quads + quad];
              let d_score = d_scores[four * TILE + i];
              d_query[slot] += mat4x4f(key4 * d_score.x, key4 * d_score.y, key4 * d_score.z, key4 * d_score.w);
            }
          }
        }
      }
    }
    start = sequence.x;
  }

  for (var slot = 0u; slot < MAX_SLOTS; slot++) {
    let quad = slot * TILE + line;
    if (quad < quads) {
      for (var i = 0u; i < 4u; i++) {
        if (own[i] < params.rows) {
          dq[(own[i] * params.heads + head) * quads + quad] = d_query[slot][i] * scale;
        }
      }
    }
  }
}
