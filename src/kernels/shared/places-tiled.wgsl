// As `places.wgsl` where a workgroup shares its tile: always 32 rows and one block of columns.

/// The four rows of the thread at `local`, in workgroup `group` along the rows.
fn rows_of(group: u32, local: vec2u, rows: u32) -> vec4u {
  return group * TILE + local.y + OWN_LINES;
}

/// Its block of columns, in workgroup `group` along the columns: the same for the whole workgroup.
fn block_of(group: u32, local: vec2u, rows: u32) -> u32 {
  return group;
}
