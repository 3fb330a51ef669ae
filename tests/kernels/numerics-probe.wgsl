// Evaluates every function of shared/numerics.wgsl at each x: the test's own kernel.

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> softplus_of: array<f32>;
@group(0) @binding(2) var<storage, read_write> sigmoid_of: array<f32>;
@group(0) @binding(3) var<storage, read_write> one_minus_exp_of: array<f32>;
@group(0) @binding(4) var<storage, read_write> log1mexp_of: array<f32>;

@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) id: vec3u) {
  let value = x[id.x];
  let negative = min(-abs(value), -1e-7);
  softplus_of[id.x] = softplus(value);
  sigmoid_of[id.x] = sigmoid(value);
  one_minus_exp_of[id.x] = one_minus_exp(negative);
  log1mexp_of[id.x] = log1mexp(negative);
}
