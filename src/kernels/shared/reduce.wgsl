// Sum over the lanes of a workgroup, as a tree: error grows with log2 of the count, not with the count.
// Every lane of the workgroup must call it (it holds barriers), and every lane receives the sum.
// Needs `override WORKGROUP_SIZE` to be a power of two.

override WORKGROUP_SIZE: u32 = 256;

var<workgroup> reduce_lanes: array<f32, WORKGROUP_SIZE>;

fn workgroup_sum(value: f32, lane: u32) -> f32 {
  reduce_lanes[lane] = value;
  for (var stride = WORKGROUP_SIZE / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (lane < stride) {
      reduce_lanes[lane] += reduce_lanes[lane + stride];
    }
  }
  let sum = workgroupUniformLoad(&reduce_lanes[0]);
  return sum;
}
