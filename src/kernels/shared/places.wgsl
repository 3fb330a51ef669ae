// Which rows and which block of columns a thread of a matrix product works on. 8 × 8 threads take 32 rows, 4 each; where
// there are fewer, the threads that would repeat them take further blocks of columns. Joined with a file that has SIDE.

/// Threads of a workgroup along the rows; the others stand along the columns.
fn row_threads(rows: u32) -> u32 {
  return select(select(select(SIDE, 4u, rows <= 16u), 2u, rows <= 8u), 1u, rows <= 4u);
}

/// The four rows of the thread at `local`, in workgroup `group` along the rows.
fn rows_of(group: u32, local: vec2u, rows: u32) -> vec4u {
  let threads = row_threads(rows);
  return group * 4u * threads + local.y % threads + threads * vec4u(0u, 1u, 2u, 3u);
}

/// Its block of columns, in workgroup `group` along the columns.
fn block_of(group: u32, local: vec2u, rows: u32) -> u32 {
  let threads = row_threads(rows);
  return group * (SIDE / threads) + local.y / threads;
}
