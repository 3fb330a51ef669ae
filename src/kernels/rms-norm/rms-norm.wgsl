// RMS normalisation: y[r, i] = gain[i] · x[r, i] / sqrt(mean_j x[r, j]² + eps)
// x f32 [rows, width] · gain f32 [width] · y f32 [rows, width]
// One workgroup per row; each thread sums every WORKGROUP_SIZE-th element, then a tree adds the partial sums.
// f32 throughout; eps > 0 keeps a row of zeros finite.
// Gradient: rms-norm-backward.
override WORKGROUP_SIZE: u32;

struct Params {
  width: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> gain: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> partial_sums: array<f32, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = group.x * params.width;

  var sum = 0.0;
  for (var i = lane; i < params.width; i += WORKGROUP_SIZE) {
    sum += x[start + i] * x[start + i];
  }
  partial_sums[lane] = sum;
  workgroupBarrier();
  for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      partial_sums[lane] += partial_sums[lane + half];
    }
    workgroupBarrier();
  }

  let scale = inverseSqrt(partial_sums[0] / f32(params.width) + params.eps);
  for (var i = lane; i < params.width; i += WORKGROUP_SIZE) {
    y[start + i] = gain[i] * (x[start + i] * scale);
  }
}
