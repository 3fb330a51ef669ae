// Dot products of 4 rows of x with 4 rows of W, the inside of every matrix product here: each vec4 read serves four sums.
// Threads work 8 × 8 together on 32 × 32 products, each on rows and columns 8 apart; `products-tiled.wgsl` does the
// same through workgroup memory. Joined behind a weight reader; x is always binding 0.
@group(0) @binding(0) var<storage, read> x: array<vec4f>;

const TILE = 32u;                           // rows, and columns, per workgroup
const SIDE = 8u;                            // threads per side of a workgroup
const OWN_LINES = vec4u(0u, 8u, 16u, 24u);  // a thread's rows and columns, from its first

/// products(...)[i][j] = Σ_k x[row[i], k] · W[column[j], k], in the order of k. `local` is the place in the workgroup,
/// (column, row); `quads` the inner length in vec4s. Lines past the last repeat it: the caller drops their sums.
fn products(row: vec4u, column: vec4u, rows: u32, columns: u32, quads: u32, local: vec2u) -> mat4x4f {
  let x_at = min(row, vec4u(rows - 1u)) * quads;
  let w_at = min(column, vec4u(columns - 1u)) * quads;
  var sums = mat4x4f();
  for (var k = 0u; k < quads; k++) {
    // Four rows of W as the columns of a matrix: a row vector times it is its dot product with each.
    let w = mat4x4f(weight4(w_at.x + k), weight4(w_at.y + k), weight4(w_at.z + k), weight4(w_at.w + k));
    sums[0] += x[x_at.x + k] * w;
    sums[1] += x[x_at.y + k] * w;
    sums[2] += x[x_at.z + k] * w;
    sums[3] += x[x_at.w + k] * w;
  }
  return sums;
}
