// Formula:   as attention: y[r, h] = Σ_j softmax_j(q[r, h] · k[j, g] / √d) v[j, g], with g = h / (heads / kv_heads)
// Shapes:    q f32 [rows, heads · d], k, v f32 [keys, kv_heads · d], spans u32 [rows, 4] = (a, b, c, e): row r sees keys
//            a..b-1 and c..e-1 -> y as q, lse f32 [rows, heads]; d % 4 = 0, d ≤ 128
// Work:      a thread takes one head of one row and walks the keys four at a time; neighbours take neighbouring rows
// Numerics:  f32, running maximum and sum (online softmax): [rows, keys] is never stored, no infinity masks anything
// Gradient:  attention-backward-stats, -query and -key, from lse (the log-sum-exp of a row's scores)
override WORKGROUP_SIZE: u32;

const MAX_QUADS = 32u; // vec4s of the largest head
const LOWEST = -1e30;  // below every score, far from overflow

struct Params {
  rows: u32,
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

/// Rows of k and v that hold visible keys number `index`.
fn key_rows(span: vec4u, index: vec4u) -> vec4u {
  let shared_keys = span.y - span.x;
  return select(span.z + index - shared_keys, span.x + index, index < vec4u(shared_keys));
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let row = thread.x % params.rows;
  let head = thread.x / params.rows;
  if (head >= params.heads) {
    return;
  }
  let quads = params.head_dim / 4u;
  let kv_head = head / (params.heads / params.kv_heads);
  let q_at = (row * params.heads + head) * quads;
  let span = spans[row];
  let key_count = span.y - span.x + span.w - span.z;
  let scale = inverseSqrt(f32(params.head_dim));

  var query: array<vec4f, MAX_QUADS>; // of this head, scaled
  var mixed: array<vec4f, MAX_QUADS>; // y, not yet divided by sum
  for (var i = 0u; i < quads; i++) {
    query[i] = q[q_at + i] * scale;
  }
  var highest = LOWEST;
  var sum = 0.0;

  for (var first = 0u; first < key_count; first += 4u) {
    let index = first + vec4u(0u, 1u, 2u, 3u);
    let at = (key_rows(span, min(index, vec4u(key_count - 1u))) * params.kv_heads + kv_head) * quads;

    // Four keys as the columns of a matrix: the query times it is its four scores.
    var scores = vec4f(0.0);
    for (var i = 0u; i < quads; i++) {
      scores += query[i] * mat4x4f(k[at.x + i], k[at.y + i], k[at.z + i], k[at.w + i]);
    }
    scores = select(vec4f(LOWEST), scores, index < vec4u(key_count));

    // A higher maximum rescales what has been summed so far.
    let new_highest = max(highest, max(max(scores.x, scores.y), max(scores.z, scores.w)));
    let rescale = exp(highest - new_highest);
    let weights = exp(scores - new_highest);
    highest = new_highest;
    sum = sum * rescale + dot(weights, vec4f(1.0));
    for (var i = 0u; i < quads; i++) {
      mixed[i] = mixed[i] * rescale + mat4x4f(v[at.x + i], v[at.y + i], v[at.z + i], v[at.w + i]) * weights;
    }
  }

  for (var i = 0u; i < quads; i++) {
    y[q_at + i] = mixed[i] / sum;
  }
  lse[row * params.heads + head] = highest + log(sum);
}
