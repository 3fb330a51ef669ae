// Formula:   as attention: y[r, h] = Σ_j softmax_j(q[r, h] · k[j, g] / √d) v[j, g], with g = h / (heads / kv_heads)
// Shapes:    as attention: q f32 [rows, heads · d], k, v f32 [keys, kv_heads · d], spans u32 [rows, 4] -> y as q,
//            lse f32 [rows, heads]; d % 4 = 0, d ≤ 128
// Work:      a workgroup per (16 rows, head): for each 16 keys, first the scores once per pair, then y
// Numerics:  f32, running maximum and sum (online softmax), keys in order; a key that a row does not see weighs 0
// Gradient:  attention-backward-stats, -query and -key
const LOWEST = -1e30; // below every score, far from overflow

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
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> lse: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

var<workgroup> q_tile: array<vec4f, TILE * STRIDE>;
var<workgroup> k_tile: array<vec4f, TILE * STRIDE>;
// Of a thread's pairs: one key, four rows.
var<workgroup> scores: array<vec4f, THREADS>;
var<workgroup> weights: array<vec4f, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let quads = params.head_dim / 4u;
  let first_row = group.x * TILE;
  let head = group.y;
  let kv_head = head / (params.heads / params.kv_heads);
  let scale = inverseSqrt(f32(params.head_dim));

  // A thread has four rows. In the first half of a turn, also one key of the tile; in the second, every TILE-th vec4 of
  // the rows' y: a matrix with a column per row.
  let line = thread % TILE;
  let four = thread / TILE;
  let row = first_row + four + OWN;
  let known_row = min(row, vec4u(params.rows - 1u));
  let span = array(spans[known_row.x], spans[known_row.y], spans[known_row.z], spans[known_row.w]);
  let q_at = (four + OWN) * STRIDE;
  var highest = vec4f(LOWEST);
  var sum = vec4f(0.0);
  var mixed: array<mat4x4f, MAX_SLOTS>; // not yet divided by sum

  let last_row = min(first_row + TILE, params.rows);
  var start = first_row;
  while (start < last_row) {
    let sequence = rows_of_sequence(start, last_row);
    for (var run = 0u; run < 2u; run++) {
      let keys = select(spans[start].xy, vec2u(spans[start].z, sequence.y), run == 1u);
      for (var first = keys.x; first < keys.y; first += TILE) {
        var score = vec4f(0.0);
        for (var step = 0u; step * STEP < quads; step++) {
          for (var slot = thread; slot < TILE * STEP; slot += THREADS) {
            let quad = step * STEP + slot % STEP;
            let at = slot / STEP * STRIDE + slot % STEP;
            let tile_row = first_row + slot / STEP;
            let tile_key = first + slot / STEP;
            q_tile[at] = vec4f(0.0);
            k_tile[at] = vec4f(0.0);
            if (quad < quads && tile_row < params.rows) {
              q_tile[at] = q[(tile_row * params.heads + head) * quads + quad];
            }
            if (quad < quads && tile_key < params.keys) {
              k_tile[at] = k[(tile_key * params.kv_heads + kv_head) * quads + quad];
            }
          }
          workgroupBarrier();
          for (var i = 0u; i < STEP; i++) {
            // Four rows of q as the columns of a matrix: the key times it is its four scores.
            let queries = mat4x4f(q_tile[q_at.x + i], q_tile[q_at.y + i], q_tile[q_at.z + i], q_tile[q_at.w + i]);
            score += k_tile[line * STRIDE + i] * queries;
          }
          workgroupBarrier();
        }

        let key = first + line;
        let seen = vec4<bool>(sees(span[0], key), sees(span[1], key), sees(span[2], key), sees(span[3], key));
        let belong = (row >= vec4u(start)) & (row < vec4u(sequence.x));
        let counts = seen & belong & vec4<bool>(key < keys.y);
        score = select(vec4f(LOWEST), score * scale, counts);
        scores[thread] = score;
        workgroupBarrier();

        // A higher maximum rescales what has been summed so far.
        var new_highest = highest;
        for (var i = 0u; i < TILE; i++) {
          new_highest = max(new_highest, scores[four * TILE + i]);
        }
        let rescale = select(vec4f(1.0), exp(highest - new_highest), new_highest > highest);
        highest = new_highest;
        weights[thread] = select(vec4f(0.0), exp(score - highest), counts);
        workgroupBarrier();

        sum *= rescale;
        for (var i = 0u; i < TILE; i++) {
          sum += weights[four * TILE + i];
        }
        for (var slot = 0u; slot < MAX_SLOTS; slot++) {
          let quad = slot * TILE + line;
          if (quad < quads) {
            for (var i = 0u; i < 4u; i++) {
              mixed[slot][i] *= rescale[i];
            }
            for (var i = 0u; i < min(TILE, keys.y - first); i++) {
              let value = v[((first + i) * params.kv_heads + kv_head) * quads + quad];
              let weight = weights[four * TILE + i];
              mixed[slot] += mat4x4f(value * weight.x, value * weight.y, value * weight.z, value * weight.w);
            }
          }
        }
      }
    }
    start = sequence.x;
  }

  for (var i = 0u; i < 4u; i++) {
    if (row[i] < params.rows) {
      let at = row[i] * params.heads + head;
      for (var slot = 0u; slot < MAX_SLOTS; slot++) {
        let quad = slot * TILE + line;
        if (quad < quads) {
          y[at * quads + quad] = mixed[slot][i] / sum[i];
        }
      }
      if (line == 0u) {
        lse[at] = highest[i] + log(sum[i]);
      }
    }
  }
}
