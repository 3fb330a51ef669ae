// Formula:   as head-logprob-combine, part 2 of 2 of the head: over the parts of the vocabulary, m, s, t, c joined,
//            logps = l[target] - m - log s, entropy = log s - t / s (nats), top1 = 1 / s (the largest probability), top_id,
//            log_collision = log c - 2 log s (log Σ p², the logarithm of the chance that two draws agree)
// Shapes:    partials f32 [parts, tokens, 4], partial_top u32 [parts, tokens], target_logits f32 [tokens]
//            -> logps, entropy, top1, log_collision f32 [tokens], top_id u32 [tokens]
// Work:      one workgroup per token: its threads join every WORKGROUP_SIZE-th part, then pairwise what they have
// Numerics:  f32; maximum and sum stay apart until the end, so large logits cost a small log-probability no digits
// Gradient:  head-logprob-backward
override WORKGROUP_SIZE: u32;  // a power of two
const LOWEST = -1e30;          // below every logit, far from overflow

struct Params {
  parts: u32,
  tokens: u32,
}

@group(0) @binding(0) var<storage, read> partials: array<vec4f>;
@group(0) @binding(1) var<storage, read> partial_top: array<u32>;
@group(0) @binding(2) var<storage, read> target_logits: array<f32>;
@group(0) @binding(3) var<storage, read_write> logps: array<f32>;
@group(0) @binding(4) var<storage, read_write> entropy: array<f32>;
@group(0) @binding(5) var<storage, read_write> top1: array<f32>;
@group(0) @binding(6) var<storage, read_write> top_id: array<u32>;
@group(0) @binding(7) var<storage, read_write> log_collision: array<f32>;
@group(0) @binding(8) var<uniform> params: Params;

var<workgroup> states: array<vec4f, WORKGROUP_SIZE>; // (m, s, t, c)
var<workgroup> tops: array<u32, WORKGROUP_SIZE>;

/// Joins a further set of logits into what thread `thread` has.
fn take(thread: u32, state: vec4f, top: u32) {
  let own = states[thread];
  if (state.x > own.x || (state.x == own.x && top < tops[thread])) {
    tops[thread] = top; // of equals, the lowest id
  }
  states[thread] = join(own, state);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let token = group.x;
  states[thread] = vec4f(LOWEST, 0.0, 0.0, 0.0);
  for (var part = thread; part < params.parts; part += WORKGROUP_SIZE) {
    let at = part * params.tokens + token;
    take(thread, partials[at], partial_top[at]);
  }
  workgroupBarrier();
  for (var count = WORKGROUP_SIZE / 2u; count > 0u; count /= 2u) {
    if (thread < count) {
      take(thread, states[thread + count], tops[thread + count]);
    }
    workgroupBarrier();
  }
  if (thread > 0u) {
    return;
  }

  let joined = states[0];
  let log_sum = log(joined.y);
  logps[token] = target_logits[token] - joined.x - log_sum;
  entropy[token] = max(log_sum - joined.z / joined.y, 0.0);
  top1[token] = 1.0 / joined.y;
  top_id[token] = tops[0];
  log_collision[token] = log(joined.w) - 2.0 * log_sum;
}
