// Formula:   head, log-softmax and gather in one, part 2 of 2: over the parts of the vocabulary, m, s, t, c joined,
//            logps = l[target] - m - log s, entropy = log s - t / s (nats), top1 = 1 / s (the largest probability), top_id,
//            log_collision = log c - 2 log s (log Σ p², the logarithm of the chance that two draws agree)
// Shapes:    partials f32 [parts, tokens, 4], partial_top u32 [parts, tokens], target_logits f32 [tokens]
//            -> logps, entropy, top1, log_collision f32 [tokens], top_id u32 [tokens]
// Work:      one thread per token
// Numerics:  f32; maximum and sum stay apart until the end, so large logits cost a small log-probability no digits
// Gradient:  head-logprob-backward
override WORKGROUP_SIZE: u32;

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

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let token = thread.x;
  if (token >= params.tokens) {
    return;
  }

  var joined = partials[token];
  var top = partial_top[token];
  for (var part = 1u; part < params.parts; part++) {
    let next = partials[part * params.tokens + token];
    let next_top = partial_top[part * params.tokens + token];
    if (next.x > joined.x || (next.x == joined.x && next_top < top)) {
      top = next_top; // of equals, the lowest id
    }
    joined = join(joined, next);
  }

  let log_sum = log(joined.y);
  logps[token] = target_logits[token] - joined.x - log_sum;
  entropy[token] = max(log_sum - joined.z / joined.y, 0.0);
  top1[token] = 1.0 / joined.y;
  top_id[token] = top;
  log_collision[token] = log(joined.w) - 2.0 * log_sum;
}
