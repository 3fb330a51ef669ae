// Formula:   head, log-softmax and gather in one, part 1 of 2: per token and part of the vocabulary, with l = x · Wᵀ,
//            m = max l, s = Σ exp(l - m), t = Σ exp(l - m) (l - m), c = Σ exp(2 (l - m)), top = argmax l; and l[target]
// Shapes:    x f32 [tokens, width], weights f32, f16 or bf16 [vocab, width], targets u32 [tokens]
//            -> partials f32 [parts, tokens, 4] = (m, s, t, c), partial_top u32 [parts, tokens], target_logits f32 [tokens]
// Work:      8 × 8 threads make logits for 32 tokens × CHUNK entries, 32 × 32 at a time in registers, and store none; a
//            thread's 4 tokens × CHUNK / 8 entries are a part of their own; of few tokens, more entries (shared/places.wgsl)
// Numerics:  f32, the maximum subtracted throughout
// Gradient:  head-logprob-backward
override CHUNK: u32;       // vocabulary entries per block, a multiple of TILE
const LOWEST = -1e30;      // below every logit, far from overflow

struct Params {
  tokens: u32,
  vocab: u32,
  width: u32,
}

@group(0) @binding(2) var<storage, read> targets: array<u32>;
@group(0) @binding(3) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> partial_top: array<u32>;
@group(0) @binding(5) var<storage, read_write> target_logits: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(SIDE, SIDE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let token = rows_of(group.y, local.xy, params.tokens);
  let chunk = block_of(group.x, local.xy, params.tokens);
  let first = chunk * CHUNK;
  let end = min(first + CHUNK, params.vocab);

  let nothing = vec4f(LOWEST, 0.0, 0.0, 0.0);
  var partial = array(nothing, nothing, nothing, nothing); // (m, s, t, c) of this thread's 4 tokens
  var top: vec4u;

  for (var start = first; start < end; start += TILE) {
    let entry = start + local.x + OWN_LINES;
    var logits = products(token, entry, params.tokens, end, params.width / 4u, local.xy);
    for (var i = 0u; i < 4u; i++) {
      for (var j = 0u; j < 4u; j++) {
        if (entry[j] < end && token[i] < params.tokens) {
          let logit = logits[i][j];
          top[i] = select(top[i], entry[j], logit > partial[i].x);
          partial[i] = join(partial[i], vec4f(logit, 1.0, 0.0, 1.0));
          if (entry[j] == targets[token[i]]) {
            target_logits[token[i]] = logit;
          }
        }
      }
    }
  }

  for (var i = 0u; i < 4u; i++) {
    if (token[i] < params.tokens && first < params.vocab) {
      let at = (chunk * SIDE + local.x) * params.tokens + token[i];
      partials[at] = partial[i];
      partial_top[at] = top[i];
    }
  }
}
