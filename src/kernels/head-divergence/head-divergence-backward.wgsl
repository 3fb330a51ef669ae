// Formula:   d_logits[t, j] = d_logps[t] · (1[v = target] - p) + d_kl[t] · (p - q) for entry v = first + j, with
//            p = exp(l[t, v] - lse[0, t]), q = exp(r[t, v] - lse[1, t]), l = x[0] · Wᵀ, r = x[1] · Wᵀ computed again;
//            then dx += d_logits · W by linear-backward; d_kl is d(loss) / d(KL(reference ‖ policy))
// Shapes:    x f32 [2, tokens, width], weights f32, f16 or bf16 [vocab, width], targets u32 [tokens], lse f32 [2, tokens],
//            d_logps, d_kl f32 [tokens] -> d_logits f32 [tokens, slab]: a slab of the vocabulary; 0 past its end
// Work:      8 × 8 threads make 32 × 32 elements; of few tokens, more entries (see shared/places.wgsl)
// Numerics:  f32; an exponent is at most 0
// Gradient:  none: this is the gradient of head-logprob and of head-divergence together, into the policy's logits
struct Params {
  tokens: u32,
  vocab: u32,
  width: u32,
  slab: u32,
  first: u32,
}

@group(0) @binding(2) var<storage, read> targets: array<u32>;
@group(0) @binding(3) var<storage, read> lse: array<f32>;
@group(0) @binding(4) var<storage, read> d_logps: array<f32>;
@group(0) @binding(5) var<storage, read> d_kl: array<f32>;
@group(0) @binding(6) var<storage, read_write> d_logits: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(SIDE, SIDE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let token = rows_of(group.y, local.xy, params.tokens);
  let column = block_of(group.x, local.xy, params.tokens) * TILE + local.x + OWN_LINES;
  let entry = params.first + column;
  let rows = 2u * params.tokens; // the policy's, then the reference's
  let quads = params.width / 4u;
  let l = products(token, entry, rows, params.vocab, quads, local.xy);
  let r = products(token + params.tokens, entry, rows, params.vocab, quads, local.xy);

  for (var i = 0u; i < 4u; i++) {
    if (token[i] < params.tokens) {
      let t = token[i];
      for (var j = 0u; j < 4u; j++) {
        if (column[j] < params.slab) {
          let p = exp(min(l[i][j] - lse[t], 0.0));
          let q = exp(min(r[i][j] - lse[params.tokens + t], 0.0));
          let hit = select(0.0, 1.0, entry[j] == targets[t]);
          let gradient = d_logps[t] * (hit - p) + d_kl[t] * (p - q);
          d_logits[t * params.slab + column[j]] = select(0.0, gradient, entry[j] < params.vocab);
        }
      }
    }
  }
}
