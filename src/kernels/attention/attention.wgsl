// Formula:   y[r, h] = Σ_j softmax_j(q[r, h] · k[j, g] / √d) v[j, g], with g = h / (heads / kv_heads)
// Shapes:    q f32 [rows, heads · d], k, v f32 [keys, kv_heads · d], spans u32 [rows, 4] = (a, b, c, e): row r sees keys
//            a..b-1 (a shared prompt) and c..e-1 (its own sequence up to itself) -> y as q, lse f32 [rows, heads]; d ≤ 128
// Work:      a thread takes one head of four rows and walks the keys four at a time, so that what it reads serves four
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
  let q_at = (row * params.heads + head) * quads;
  let span = array(spans[row.x], spans[row.y], spans[row.z], spans[row.w]);

  // A matrix has a column per row: q scaled, and y not yet divided by sum.
  var query: array<mat4x4f, MAX_QUADS>;
  var mixed: array<mat4x4f, MAX_QUADS>;
  for (var i = 0u; i < quads; i++) {
    query[i] = mat4x4f(q[q_at.x + i], q[q_at.y + i], q[q_at.z + i], q[q_at.w + i]) * scale;
  }
  var highest = vec4f(LOWEST);
  var sum = vec4f(0.0);

  let last_row = min(first_row + 4u, params.rows);
  var start = first_row;
  while (start < last_row) {
    let sequence = rows_of_sequence(start, last_row);
    for (var run = 0u; run < 2u; run++) {
      let keys = select(spans[start].xy, vec2u(spans[start].z, sequence.y), run == 1u);
      for (var first = keys.x; first < keys.y; first += 4u) {
        let key = first + vec4u(0u, 1u, 2u, 3u);
        let at = (min(key, vec4u(keys.y - 1u)) * params.kv_heads + kv_head) * quads;

        // Four keys as columns: transposed, they give each row's four scores.
        var scores = mat4x4f();
        for (var i = 0u; i < quads; i++) {
          scores += transpose(mat4x4f(k[at.x + i], k[at.y + i], k[at.z + i], k[at.w + i])) * query[i];
        }

        // A higher maximum rescales what has been summed so far.
        var weights = mat4x4f();
        var rescale = vec4f(1.0);
        for (var r = 0u; r < 4u; r++) {
          let belongs = first_row + r >= start && first_row + r < sequence.x;
          let counts = sees_four(span[r], key) & (key < vec4u(keys.y)) & vec4<bool>(belongs);
          let score = select(vec4f(LOWEST), scores[r], counts);
          let new_highest = max(highest[r], max(max(score.x, score.y), max(score.z, score.w)));
          rescale[r] = select(1.0, exp(highest[r] - new_highest), new_highest > highest[r]);
          weights[r] = select(vec4f(0.0), exp(score - new_highest), counts);
          highest[r] = new_highest;
        }
        sum = sum * rescale + vec4f(1.0) * weights;
        for (var i = 0u; i < quads; i++) {
          let m = mixed[i];
          mixed[i] = mat4x4f(m[0] * rescale.x, m[1] * rescale.y, m[2] * rescale.z, m[3] * rescale.w)
            + mat4x4f(v[at.x + i], v[at.y + i], v[at.z + i], v[at.w + i]) * weights;
        }
      }
    }
    start = sequence.x;
  }

  for (var r = 0u; r < 4u; r++) {
    if (first_row + r < params.rows) {
      for (var i = 0u; i < quads; i++) {
        y[q_at[r] + i] = mixed[i][r] / sum[r];
      }
      lse[row[r] * params.heads + head] = highest[r] + log(sum[r]);
    }
  }
}
