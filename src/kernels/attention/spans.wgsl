// Which keys rows see: spans[r] = (a, b, c, e) are a..b-1 and c..e-1. Joined with a file that declares spans and params.

fn sees(span: vec4u, key: u32) -> bool {
  return (key >= span.x && key < span.y) || (key >= span.z && key < span.w);
}

fn sees_four(span: vec4u, key: vec4u) -> vec4<bool> {
  return vec4<bool>(sees(span, key.x), sees(span, key.y), sees(span, key.z), sees(span, key.w));
}

/// Of the rows from `first` on, before `last`, those of one sequence: spans that differ in their end alone. One past the
/// last such row, and the highest of their ends. Sequence by sequence, a row's sums are grouped alike whatever rows are
/// beside it.
fn rows_of_sequence(first: u32, last: u32) -> vec2u {
  let lead = spans[first];
  var found = vec2u(first + 1u, lead.w);
  for (var row = first + 1u; row < last; row++) {
    let span = spans[row];
    if (any(span.xyz != lead.xyz)) {
      break;
    }
    found = vec2u(row + 1u, max(found.y, span.w));
  }
  return found;
}
