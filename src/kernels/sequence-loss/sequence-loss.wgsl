// Formula:   per answer (loss, gradient) = scale * answer_loss(first, index, h), which comes from losses/<id>/loss.wgsl and may
//            read every answer of its group, rows[first .. first + group_size]; batch loss = sum
// Shapes:    rows f32 [answers, 4] (struct Answer) -> results f32 [answers, 2] (struct AnswerLoss), partials f32 [groups, 1]
// Work:      one lane per answer; each workgroup sums its lanes into one number. Numerics: f32; log-ratios arrive ready
// Gradient:  computed in the same pass; `sequence-reduce-backward` hands it to the answer's tokens

struct Params {
  answers: u32,
  group_size: u32,
  scale: f32,
  reserved: f32,          // a struct in a uniform begins at a multiple of 16 bytes
  h: Hyperparameters,
}

@group(0) @binding(0) var<storage, read> rows: array<Answer>;
@group(0) @binding(1) var<storage, read_write> results: array<AnswerLoss>;
@group(0) @binding(2) var<storage, read_write> partials: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  // Lanes past the end add zero but still meet the barriers.
  var loss = 0.0;
  if (id.x < params.answers) {
    let index = id.x % params.group_size;
    let result = answer_loss(id.x - index, index, params.h);
    loss = params.scale * result.loss;
    results[id.x] = AnswerLoss(loss, params.scale * result.gradient);
  }
  let sum = workgroup_sum(loss, lane);
  if (lane == 0u) {
    partials[group.x] = sum;
  }
}
