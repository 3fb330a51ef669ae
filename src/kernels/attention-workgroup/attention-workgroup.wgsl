// Formula:   as attention: y[r, h] = Σ_j softmax_j(q[r, h] · k[j, g] / √d) v[j, g], with g = h / (heads / kv_heads)
// Shapes:    q f32 [rows, heads · d], k, v f32 [keys, kv_heads · d], spans u32 [rows, 4] = (a, b, c, e): row r sees keys
//            a..b-1 and c..e-1 -> y as q, lse f32 [rows, heads]; d % 4 = 0, d ≤ 128
// Work:      one workgroup per (head, row) walks the keys in tiles: first a thread per key, then a thread per element of y
// Numerics:  f32, running maximum and sum (online softmax): [rows, keys] is never stored, no infinity masks anything
// Gradient:  attention-backward-stats, -query and -key
override WORKGROUP_SIZE: u32; // also the number of keys per tile

const MAX_QUADS = 32u;          // vec4s of the largest head
const MAX_DIMS_PER_THREAD = 4u; // elements of the largest head / 32, the smallest workgroup
const LOWEST = -1e30; // below every score, far from overflow

struct Params {
  heads: u32,
  kv_heads: u32,
  head_dim: u32,
}

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<vec4f>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read> spans: array<vec4u>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> lse: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

var<workgroup> query: array<vec4f, MAX_QUADS>;
var<workgroup> scores: array<f32, WORKGROUP_SIZE>;
var<workgroup> weights: array<f32, WORKGROUP_SIZE>;

/// Row of k and v that holds the index-th visible key.
fn key_row(span: vec4u, index: u32) -> u32 {
  let shared_keys = span.y - span.x;
  return select(span.z + index - shared_keys, span.x + index, index < shared_keys);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let d = params.head_dim;
  let quads = d / 4u;
  let head = group.x;
  let row = group.y;
  let kv_head = head / (params.heads / params.kv_heads);
  let span = spans[row];
  let key_count = span.y - span.x + span.w - span.z;
  let line = row * params.heads + head;

  let scale = inverseSqrt(f32(d));
  for (var i = lane; i < quads; i += WORKGROUP_SIZE) {
    query[i] = q[line * quads + i] * scale;
  }
  workgroupBarrier();

  var highest = LOWEST;
  var sum = 0.0;
  var mixed: array<f32, MAX_DIMS_PER_THREAD>; // this thread's elements of y, not yet divided by sum

  for (var first = 0u; first < key_count; first += WORKGROUP_SIZE) {
    let count = min(WORKGROUP_SIZE, key_count - first);

    // Each thread scores one key.
    if (lane < count) {
      let start = (key_row(span, first + lane) * params.kv_heads + kv_head) * quads;
      var score = 0.0;
      for (var i = 0u; i < quads; i++) {
        score += dot(query[i], k[start + i]);
      }
      scores[lane] = score;
    }
    workgroupBarrier();

    // A higher maximum rescales what has been summed so far.
    var tile_highest = highest;
    for (var j = 0u; j < count; j++) {
      tile_highest = max(tile_highest, scores[j]);
    }
    let rescale = exp(highest - tile_highest);
    highest = tile_highest;
    if (lane < count) {
      weights[lane] = exp(scores[lane] - highest);
    }
    workgroupBarrier();

    // Each thread mixes its elements of v over the keys of the tile.
    sum *= rescale;
    for (var j = 0u; j < count; j++) {
      sum += weights[j];
    }
    for (var slot = 0u; lane + slot * WORKGROUP_SIZE < d; slot++) {
      var total = mixed[slot] * rescale;
      for (var j = 0u; j < count; j++) {
        let start = (key_row(span, first + j) * params.kv_heads + kv_head) * d;
        total += weights[j] * v[start + lane + slot * WORKGROUP_SIZE];
      }
      mixed[slot] = total;
    }
  }

  for (var slot = 0u; lane + slot * WORKGROUP_SIZE < d; slot++) {
    y[line * d + lane + slot * WORKGROUP_SIZE] = mixed[slot] / sum;
  }
  if (lane == 0u) {
    lse[line] = highest + log(sum);
  }
}
