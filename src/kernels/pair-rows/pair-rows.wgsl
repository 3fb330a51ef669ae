// Formula:   rows[p] = struct Pair of sequences 2p (chosen) and 2p + 1 (rejected): their sums, log-ratios and lengths
// Shapes:    sums f32 [2 · pairs, 4] (policy, reference, log-ratio, length), extras f32 [pairs, 4] -> rows f32 [pairs, 10]
// Work:      one lane per pair
// Numerics:  a copy; this is what keeps a training step from waiting for the CPU between forward and loss
// Gradient:  the preference loss's batch_gradients, read as one number per sequence
override WORKGROUP_SIZE: u32;

struct Params {
  pairs: u32,
}

struct SequenceSums {
  policy: f32,
  reference: f32,
  log_ratio: f32,
  length: f32,
}

@group(0) @binding(0) var<storage, read> sums: array<SequenceSums>;
@group(0) @binding(1) var<storage, read> extras: array<array<f32, 4>>;
@group(0) @binding(2) var<storage, read_write> rows: array<Pair>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let pair = thread.x;
  if (pair >= params.pairs) {
    return;
  }
  let chosen = sums[2u * pair];
  let rejected = sums[2u * pair + 1u];
  rows[pair] = Pair(
    chosen.policy,
    rejected.policy,
    chosen.log_ratio,
    rejected.log_ratio,
    chosen.length,
    rejected.length,
    extras[pair],
  );
}
