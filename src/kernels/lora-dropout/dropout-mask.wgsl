// Which elements dropout keeps, from their place alone: nothing is stored, and who asks again gets the same answer.

/// A permutation of the 32-bit numbers, PCG's RXS-M-XS (O'Neill 2014); one after another they make a hash of several
/// numbers (Jarzynski and Olano 2020, "Hash Functions for GPU Rendering").
fn pcg(value: u32) -> u32 {
  let state = value * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}

/// What all elements of one row share. `key` stands for seed, step, micro-batch, layer and product.
fn row_key(key: u32, slice: u32, row: u32) -> u32 {
  return pcg(pcg(key + slice) + row);
}

/// Four neighbouring elements: 1 where an element is kept, 0 where it is dropped, which happens to a share of
/// threshold / 2^32 of them.
fn kept4(row_key: u32, column: u32, threshold: u32) -> vec4f {
  let hashes = vec4u(
    pcg(row_key + column),
    pcg(row_key + column + 1u),
    pcg(row_key + column + 2u),
    pcg(row_key + column + 3u),
  );
  return select(vec4f(0.0), vec4f(1.0), hashes >= vec4u(threshold));
}
