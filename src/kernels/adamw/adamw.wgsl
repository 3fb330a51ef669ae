// Formula:   g = gradient_scale · gradient; m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g²;
//            p = p - learning_rate (weight_decay p + (m / correction1) / (sqrt(v / correction2) + epsilon))
// Shapes:    parameters, first_moments, second_moments f32 [size] (in place), gradients f32 [size]
// Work:      a thread takes every (threads)-th element: one dispatch for an adapter of any size
// Numerics:  f32; the corrections 1 - beta^step arrive ready, because f32 has lost them near step 1
// Gradient:  none
override WORKGROUP_SIZE: u32;

struct Params {
  size: u32,
  gradient_scale: f32,   // clipping, and the mean over accumulated passes
  learning_rate: f32,
  beta1: f32,
  beta2: f32,
  epsilon: f32,
  weight_decay: f32,     // decoupled: it does not pass through the moments
  correction1: f32,      // 1 - beta1^step
  correction2: f32,      // 1 - beta2^step
}

@group(0) @binding(0) var<storage, read_write> parameters: array<f32>;
@group(0) @binding(1) var<storage, read> gradients: array<f32>;
@group(0) @binding(2) var<storage, read_write> first_moments: array<f32>;
@group(0) @binding(3) var<storage, read_write> second_moments: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = thread.x; i < params.size; i += groups.x * WORKGROUP_SIZE) {
    let gradient = params.gradient_scale * gradients[i];
    let m = params.beta1 * first_moments[i] + (1.0 - params.beta1) * gradient;
    let v = params.beta2 * second_moments[i] + (1.0 - params.beta2) * gradient * gradient;
    let direction = m / params.correction1 / (sqrt(v / params.correction2) + params.epsilon);

    first_moments[i] = m;
    second_moments[i] = v;
    parameters[i] -= params.learning_rate * (params.weight_decay * parameters[i] + direction);
  }
}
