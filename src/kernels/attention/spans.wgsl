// Which keys rows see: spans[r] = (a, b, c, e) are a..b-1 and c..e-1. Joined with a file that declares spans and params.

fn sees(span: vec4u, key: u32) -> bool {
  return (key >= span.x && key < span.y) || (key >= span.z && key < span.w);
}

fn sees_four(span: vec4u, key: vec4u) -> vec4<bool> {
  return vec4<bool>(sees(span, key.x), sees(span, key.y), sees(span, key.z), sees(span, key.w));
}

/// The runs of keys that any of `count` rows sees, (a, b, c, e) as a row's span.
fn union_of_spans(first_row: u32, count: u32) -> vec4u {
  var before = vec2u(0xffffffffu, 0u);
  var own = vec2u(0xffffffffu, 0u);
  for (var row = first_row; row < min(first_row + count, params.rows); row++) {
    let span = spans[row];
    if (span.x < span.y) {
      before = vec2u(min(before.x, span.x), max(before.y, span.y));
    }
    if (span.z < span.w) {
      own = vec2u(min(own.x, span.z), max(own.y, span.w));
    }
  }
  // Rows of a prompt and of its answer together: one run, so that no key comes twice.
  if (max(before.x, own.x) < min(before.y, own.y)) {
    return vec4u(0u, 0u, min(before.x, own.x), max(before.y, own.y));
  }
  return vec4u(before, own);
}
