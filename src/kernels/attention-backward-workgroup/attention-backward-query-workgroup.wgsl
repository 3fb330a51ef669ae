// Formula:   as attention-backward-query: dq[r, h] = Σ_j ds_j k[j, g] / √d, ds_j = p_j (dy · v[j, g] - dy · y)
// Shapes:    as attention-backward-query: q, dy f32 [rows, heads · d], k, v f32 [keys, kv_heads · d], spans u32 [rows, 4],
//            stats f32 [rows, heads, 2] = (lse, dy · y) -> dq f32 [rows, heads · d]; d % 4 = 0, d ≤ 128
// Work:      a workgroup per (16 rows, head): for each 16 keys, first ds once per pair, then dq
// Numerics:  f32, keys in order; a key that a row does not see weighs 0
// Gradient:  none: part 2 of 3 of the gradient of attention
const MAX_SLOTS = 2u;   // vec4s of a head per thread: 128 / 4 / LANES
const LANES = 16u;      // threads along a head

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

// Per key of the tile and thread % 4: ds of four rows.
var<workgroup> d_scores: array<vec4f, TILE * 4u>;

/// The runs of keys that any row from `first_row` on sees, (a, b, c, e) as a row's span.
fn union_of_spans(first_row: u32) -> vec4u {
  var before = vec2u(params.keys, 0u);
  var own = vec2u(params.keys, 0u);
  for (var row = first_row; row < min(first_row + TILE, params.rows); row++) {
    let span = spans[row];
    if (span.x < span.y) {
      before = vec2u(min(before.x, span.x), max(before.y, span.y));
    }
    if (span.z < span.w) {
      own = vec2u(min(own.x, span.z), max(own.y, span.w));
    }
  }
  // Rows of a prompt and of its answer in one tile: one run, so that no key comes twice.
  if (max(before.x, own.x) < min(before.y, own.y)) {
    return vec4u(0u, 0u, min(before.x, own.x), max(before.y, own.y));
  }
  return vec4u(before, own);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let quads = params.head_dim / 4u;
  let first_row = group.x * TILE;
  let head = group.y;
  let kv_head = head / (params.heads / params.kv_heads);
  let scale = inverseSqrt(f32(params.head_dim));
  let runs = union_of_spans(first_row);

  // First half of a turn: this thread has one key and four rows.
  let line = thread / 4u;
  let row = min(first_row + thread % 4u + OWN, vec4u(params.rows - 1u));
  let at = row * params.heads + head;
  let lse = vec4f(stats[at.x].x, stats[at.y].x, stats[at.z].x, stats[at.w].x);
  let mean = vec4f(stats[at.x].y, stats[at.y].y, stats[at.z].y, stats[at.w].y);
  let span = array(spans[row.x], spans[row.y], spans[row.z], spans[row.w]);
  // Second half: four rows and up to MAX_SLOTS vec4s of dq, a column of the matrix per row.
  let lane = thread % LANES;
  let four = thread / LANES;
  var d_query: array<mat4x4f, MAX_SLOTS>; // not yet scaled

  for (var run = 0u; run < 2u; run++) {
    let keys = select(runs.xy, runs.zw, run == 1u);
    for (var first = keys.x; first < keys.y; first += TILE) {
      let key = first + line;
      let corner = Corner(first_row, head, first, kv_head);
      let found = pairs(corner, K + line * STRIDE, Q + (thread % 4u + OWN) * STRIDE, thread);
      let seen = vec4<bool>(sees(span[0], key), sees(span[1], key), sees(span[2], key), sees(span[3], key));
      let counts = seen & vec4<bool>(key < keys.y);
      let p = select(vec4f(0.0), exp(min(found.scores * scale - lse, vec4f(0.0))), counts);
      d_scores[thread] = p * (found.d_weights - mean);
      workgroupBarrier();

      for (var slot = 0u; slot < MAX_SLOTS; slot++) {
        let quad = slot * LANES + lane;
        if (quad < quads) {
          for (var i = 0u; i < min(TILE, keys.y - first); i++) {
            let key4 = k[((first + i) * params.kv_heads + kv_head) * quads + quad];
            let d_score = d_scores[i * 4u + four];
            d_query[slot] += mat4x4f(key4 * d_score.x, key4 * d_score.y, key4 * d_score.z, key4 * d_score.w);
          }
        }
      }
    }
  }

  let own = first_row + four + OWN;
  for (var slot = 0u; slot < MAX_SLOTS; slot++) {
    let quad = slot * LANES + lane;
    if (quad < quads) {
      for (var i = 0u; i < 4u; i++) {
        if (own[i] < params.rows) {
          dq[(own[i] * params.heads + head) * quads + quad] = d_query[slot][i] * scale;
        }
      }
    }
  }
}
