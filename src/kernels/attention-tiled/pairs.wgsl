// For the backward pass: 16 × 16 pairs of a row and a key, their scores and the gradients of their weights. What they are
// made of passes through workgroup memory 32 columns at a time, so that 16 pairs share each element that is read. Joined
// with tile.wgsl and a file that declares q, k, v, dy and params.

// Where the tiles of q, dy, k and v begin.
const Q = 0u;
const DY = TILE * STRIDE;
const K = 2u * TILE * STRIDE;
const V = 3u * TILE * STRIDE;

var<workgroup> tiles: array<vec4f, 4u * TILE * STRIDE>;

/// The first line of one head's rows and of its keys. Lines past the last count as zeros.
struct Corner {
  row: u32,
  head: u32,
  key: u32,
  kv_head: u32,
}

/// Of a thread's line and its four others: Σ q · k, not yet scaled, and Σ dy · v.
struct Pairs {
  scores: vec4f,
  d_weights: vec4f,
}

fn fill(corner: Corner, step: u32, thread: u32) {
  let quads = params.head_dim / 4u;
  for (var slot = thread; slot < TILE * STEP; slot += THREADS) {
    let line = slot / STEP;
    let quad = step * STEP + slot % STEP;
    let at = line * STRIDE + slot % STEP;
    let row = corner.row + line;
    let key = corner.key + line;
    tiles[Q + at] = vec4f(0.0);
    tiles[DY + at] = vec4f(0.0);
    tiles[K + at] = vec4f(0.0);
    tiles[V + at] = vec4f(0.0);
    if (quad < quads && row < params.rows) {
      tiles[Q + at] = q[(row * params.heads + corner.head) * quads + quad];
      tiles[DY + at] = dy[(row * params.heads + corner.head) * quads + quad];
    }
    if (quad < quads && key < params.keys) {
      tiles[K + at] = k[(key * params.kv_heads + corner.kv_head) * quads + quad];
      tiles[V + at] = v[(key * params.kv_heads + corner.kv_head) * quads + quad];
    }
  }
}

/// One line of a tile times four of another.
fn times_four(one: u32, four: vec4u) -> vec4f {
  var sums = vec4f(0.0);
  for (var i = 0u; i < STEP; i++) {
    // Four lines as the columns of a matrix: a row vector times it is its dot product with each.
    sums += tiles[one + i] * mat4x4f(tiles[four.x + i], tiles[four.y + i], tiles[four.z + i], tiles[four.w + i]);
  }
  return sums;
}

/// Every thread of the workgroup must call it, with the same corner. `one` and `four` are where the thread's lines of q
/// and k stand: one of q and four of k, or the other way round. Those of dy and v stand DY behind.
fn pairs(corner: Corner, one: u32, four: vec4u, thread: u32) -> Pairs {
  var found = Pairs();
  for (var step = 0u; step * STEP < params.head_dim / 4u; step++) {
    fill(corner, step, thread);
    workgroupBarrier();
    found.scores += times_four(one, four);
    found.d_weights += times_four(one + DY, four + DY);
    workgroupBarrier();
  }
  return found;
}
