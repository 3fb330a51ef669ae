// Formula:   dq[r, h] = Σ_j ds_j k[j, g] / √d, ds_j = p_j (dy · v[j, g] - dy · y), p_j = exp(q · k[j, g] / √d - lse)
// Shapes:    q, dy f32 [rows, heads · d], k, v f32 [keys, kv_heads · d], spans u32 [rows, 4] as in attention,
//            stats f32 [rows, heads, 2] = (lse, dy · y) -> dq f32 [rows, heads · d]; d % 4 = 0, d ≤ 128
// Work:      a thread takes one head of one row and walks the keys four at a time; neighbours take neighbouring rows
// Numerics:  f32; p comes from lse, so no maximum has to be found again
// Gradient:  none: part 2 of 3 of the gradient of attention
override WORKGROUP_SIZE: u32;

const MAX_QUADS = 32u; // vec4s of the largest head

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
@group(0) @binding(4) var<storage, read> stats: array<vec2f>;
@group(0) @binding(5) var<storage, read> dy: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> dq: array<vec4f>;
@group(0) @binding(7) var<uniform> params: Params;

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
  let stat = stats[row * params.heads + head];

  // Of this head: q scaled, dy, and dq not yet scaled.
  var query: array<vec4f, MAX_QUADS>;
  var d_mixed: array<vec4f, MAX_QUADS>;
  var d_query: array<vec4f, MAX_QUADS>;
  for (var i = 0u; i < quads; i++) {
    query[i] = q[q_at + i] * scale;
    d_mixed[i] = dy[q_at + i];
  }

  for (var first = 0u; first < key_count; first += 4u) {
    let index = first + vec4u(0u, 1u, 2u, 3u);
    let at = (key_rows(span, min(index, vec4u(key_count - 1u))) * params.kv_heads + kv_head) * quads;

    // Four keys as the columns of a matrix: the query times it is its four scores; dy and the values likewise.
    var scores = vec4f(0.0);
    var d_weights = vec4f(0.0);
    for (var i = 0u; i < quads; i++) {
      scores += query[i] * mat4x4f(k[at.x + i], k[at.y + i], k[at.z + i], k[at.w + i]);
      d_weights += d_mixed[i] * mat4x4f(v[at.x + i], v[at.y + i], v[at.z + i], v[at.w + i]);
    }
    let weights = select(vec4f(0.0), exp(min(scores - stat.x, vec4f(0.0))), index < vec4u(key_count));
    let d_scores = weights * (d_weights - stat.y);
    for (var i = 0u; i < quads; i++) {
      d_query[i] += mat4x4f(k[at.x + i], k[at.y + i], k[at.z + i], k[at.w + i]) * d_scores;
    }
  }

  for (var i = 0u; i < quads; i++) {
    dq[q_at + i] = d_query[i] * scale;
  }
}
