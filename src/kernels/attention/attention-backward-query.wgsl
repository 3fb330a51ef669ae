// Formula:   dq[r, h] = Σ_j ds_j k[j, g] / √d, ds_j = p_j (dy · v[j, g] - dy · y), p_j = exp(q · k[j, g] / √d - lse)
// Shapes:    q, dy f32 [rows, heads · d], k, v f32 [keys, kv_heads · d], spans u32 [rows, 4] as in attention,
//            stats f32 [rows, heads, 2] = (lse, dy · y) -> dq f32 [rows, heads · d]; d % 4 = 0, d ≤ 128
// Work:      a thread takes one head of four rows and walks the keys four at a time, so that what it reads serves four
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

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let fours = (params.rows + 3u) / 4u;
  let first_row = thread.x % fours * 4u;
  let head = thread.x / fours;
  if (head >= params.heads) {
    return;
  }
  let quads = params.head_dim / 4u;
  let kv_head = head / (params.heads / params.kv_heads);
  let scale = inverseSqrt(f32(params.head_dim));
  // Rows past the end repeat the last one; their results are not stored.
  let row = min(first_row + vec4u(0u, 1u, 2u, 3u), vec4u(params.rows - 1u));
  let line = row * params.heads + head;
  let q_at = line * quads;
  let stat = array(stats[line.x], stats[line.y], stats[line.z], stats[line.w]);
  let span = array(spans[row.x], spans[row.y], spans[row.z], spans[row.w]);

  // A matrix has a column per row: q scaled, dy, and dq not yet scaled.
  var query: array<mat4x4f, MAX_QUADS>;
  var d_mixed: array<mat4x4f, MAX_QUADS>;
  var d_query: array<mat4x4f, MAX_QUADS>;
  for (var i = 0u; i < quads; i++) {
    query[i] = mat4x4f(q[q_at.x + i], q[q_at.y + i], q[q_at.z + i], q[q_at.w + i]) * scale;
    d_mixed[i] = mat4x4f(dy[q_at.x + i], dy[q_at.y + i], dy[q_at.z + i], dy[q_at.w + i]);
  }

  let last_row = min(first_row + 4u, params.rows);
  var start = first_row;
  while (start < last_row) {
    let sequence = rows_of_sequence(start, last_row);
    for (var run = 0u; run < 2u; run++) {
      let keys = select(spans[start].xy, vec2u(spans[start].z, sequence.y), run == 1u);
      for (var first = keys.x; first < keys.y; first += 4u) {
        let key = first + vec4u(0u, 1u, 2u, 3u);
        let at = (min(key, vec4u(keys.y - 1u)) * params.kv_heads + kv_head) * quads;

        // Four keys as columns: transposed, they give each row's four scores; the values likewise.
        var scores = mat4x4f();
        var d_weights = mat4x4f();
        for (var i = 0u; i < quads; i++) {
          scores += transpose(mat4x4f(k[at.x + i], k[at.y + i], k[at.z + i], k[at.w + i])) * query[i];
          d_weights += transpose(mat4x4f(v[at.x + i], v[at.y + i], v[at.z + i], v[at.w + i])) * d_mixed[i];
        }
        var d_scores = mat4x4f();
        for (var r = 0u; r < 4u; r++) {
          let belongs = first_row + r >= start && first_row + r < sequence.x;
          let counts = sees_four(span[r], key) & (key < vec4u(keys.y)) & vec4<bool>(belongs);
          let weights = select(vec4f(0.0), exp(min(scores[r] - stat[r].x, vec4f(0.0))), counts);
          d_scores[r] = weights * (d_weights[r] - stat[r].y);
        }
        for (var i = 0u; i < quads; i++) {
          d_query[i] += mat4x4f(k[at.x + i], k[at.y + i], k[at.z + i], k[at.w + i]) * d_scores;
        }
      }
    }
    start = sequence.x;
  }

  for (var r = 0u; r < 4u; r++) {
    if (first_row + r < params.rows) {
      for (var i = 0u; i < quads; i++) {
        dq[q_at[r] + i] = d_query[i][r] * scale;
      }
    }
  }
}
