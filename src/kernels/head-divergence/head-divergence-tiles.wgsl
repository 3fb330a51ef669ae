// Formula:   divergence of two next-token distributions, part 1 of 2: per token and part of the vocabulary, of the policy's
//            l = x[0] · Wᵀ: m = max l, s = Σ exp(l - m), u = Σ exp(l - m) (l - r); of the reference's r = x[1] · Wᵀ alike
// Shapes:    x f32 [2, tokens, width], weights f32, f16 or bf16 [vocab, width] -> partials f32 [parts, tokens, 2, 4]
// Work:      8 × 8 threads make both models' logits for 32 tokens × CHUNK entries, 32 × 32 at a time in registers, and
//            store none; a thread's 4 tokens × CHUNK / 8 entries are a part of their own; of few tokens, more entries
// Numerics:  f32, the maximum subtracted throughout; equal hidden states give equal logits, bit for bit
// Gradient:  head-divergence-backward
override CHUNK: u32;       // vocabulary entries per block, a multiple of TILE
const LOWEST = -1e30;      // below every logit, far from overflow

struct Params {
  tokens: u32,
  vocab: u32,
  width: u32,
}

@group(0) @binding(2) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(SIDE, SIDE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let token = rows_of(group.y, local.xy, params.tokens);
  let chunk = block_of(group.x, local.xy, params.tokens);
  let first = chunk * CHUNK;
  let end = min(first + CHUNK, params.vocab);
  let rows = 2u * params.tokens; // the policy's, then the reference's
  let quads = params.width / 4u;

  let nothing = vec3f(LOWEST, 0.0, 0.0);
  var policy = array(nothing, nothing, nothing, nothing); // (m, s, u) of this thread's 4 tokens
  var reference = array(nothing, nothing, nothing, nothing);

  for (var start = first; start < end; start += TILE) {
    let entry = start + local.x + OWN_LINES;
    var l = products(token, entry, rows, end, quads, local.xy);
    var r = products(token + params.tokens, entry, rows, end, quads, local.xy);
    for (var i = 0u; i < 4u; i++) {
      for (var j = 0u; j < 4u; j++) {
        if (entry[j] < end) {
          let difference = l[i][j] - r[i][j];
          policy[i] = merge(policy[i], vec3f(l[i][j], 1.0, difference));
          reference[i] = merge(reference[i], vec3f(r[i][j], 1.0, -difference));
        }
      }
    }
  }

  for (var i = 0u; i < 4u; i++) {
    if (token[i] < params.tokens && first < params.vocab) {
      let at = 2u * ((chunk * SIDE + local.x) * params.tokens + token[i]);
      partials[at] = vec4f(policy[i], 0.0);
      partials[at + 1u] = vec4f(reference[i], 0.0);
    }
  }
}
