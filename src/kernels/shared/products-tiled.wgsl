// As `products.wgsl`, with x and W passing through workgroup memory 32 columns at a time, so that 8 threads share each
// element they read: what a GPU wants, and three times slower than the plain file on a CPU renderer. Every thread of the
// workgroup must call it, with the same `rows`, `columns` and `quads`.
@group(0) @binding(0) var<storage, read> x: array<vec4f>;

const TILE = 32u;                           // rows, and columns, per workgroup
const SIDE = 8u;                            // threads per side of a workgroup
const OWN_LINES = vec4u(0u, 8u, 16u, 24u);  // a thread's rows and columns, from its first
const STEP = 8u;                            // vec4s of the inner dimension per turn

var<workgroup> x_tile: array<vec4f, TILE * STEP>;
var<workgroup> w_tile: array<vec4f, TILE * STEP>;

/// products(...)[i][j] = Σ_k x[row[i], k] · W[column[j], k], in the order of k. `local` is the place in the workgroup,
/// (column, row); `quads` the inner length in vec4s. Lines past the last count as zeros.
fn products(row: vec4u, column: vec4u, rows: u32, columns: u32, quads: u32, local: vec2u) -> mat4x4f {
  let first_row = row.x - local.y;
  let first_column = column.x - local.x;
  let one_each = rows <= first_row + SIDE; // a thread's other rows are past the last
  var sums = mat4x4f();
  for (var start = 0u; start < quads; start += STEP) {
    for (var slot = local.y * SIDE + local.x; slot < TILE * STEP; slot += SIDE * SIDE) {
      let line = slot / STEP;
      let quad = start + slot % STEP;
      x_tile[slot] = vec4f(0.0);
      w_tile[slot] = vec4f(0.0);
      if (quad < quads && first_row + line < rows) {
        x_tile[slot] = x[(first_row + line) * quads + quad];
      }
      if (quad < quads && first_column + line < columns) {
        w_tile[slot] = weight4((first_column + line) * quads + quad);
      }
    }
    workgroupBarrier();

    let x_at = (local.y + OWN_LINES) * STEP;
    let w_at = (local.x + OWN_LINES) * STEP;
    for (var k = 0u; k < STEP; k++) {
      // Four rows of W as the columns of a matrix: a row vector times it is its dot product with each.
      let w = mat4x4f(w_tile[w_at.x + k], w_tile[w_at.y + k], w_tile[w_at.z + k], w_tile[w_at.w + k]);
      sums[0] += x_tile[x_at.x + k] * w;
      if (!one_each) {
        sums[1] += x_tile[x_at.y + k] * w;
        sums[2] += x_tile[x_at.z + k] * w;
        sums[3] += x_tile[x_at.w + k] * w;
      }
    }
    workgroupBarrier();
  }
  return sums;
}
