// Tiles of 16 rows × 16 keys, and which of them are needed. Joined with a file that declares spans and params.
const THREADS = 64u;
const TILE = 16u;                    // rows, and keys, per turn; also threads along a head
const OWN = vec4u(0u, 4u, 8u, 12u);  // a thread's four lines of a tile, from its first
const STEP = 8u;                     // vec4s of a head that pass through workgroup memory at a time
const STRIDE = STEP + 1u;            // from line to line there: neighbours start in different memory banks
const MAX_SLOTS = 2u;                // vec4s of a head per thread: 128 / 4 / TILE

fn sees(span: vec4u, key: u32) -> bool {
  return (key >= span.x && key < span.y) || (key >= span.z && key < span.w);
}

/// The runs of keys that any row of the tile sees, (a, b, c, e) as a row's span.
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
