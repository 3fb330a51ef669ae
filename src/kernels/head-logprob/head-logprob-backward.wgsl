// Formula:   d_logits[t, j] = d_logps[t] · (1[v = target] - exp(l[t, v] - lse[t])) for entry v = first + j, with
//            l = x · Wᵀ computed again and lse = l[target] - logps; then dx += d_logits · W by linear-backward
// Shapes:    x f32 [tokens, width], weights f32, f16 or bf16 [vocab, width], targets u32 [tokens], target_logits, logps,
//            d_logps f32 [tokens] -> d_logits f32 [tokens, slab]: a slab of the vocabulary; 0 past its end
// Work:      8 × 8 threads make 32 × 32 elements (see shared/products.wgsl, places.wgsl)
// Numerics:  f32; an exponent is at most 0
// Gradient:  none: this is the gradient of head-logprob
struct Params {
  tokens: u32,
  vocab: u32,
  width: u32,
  slab: u32,
  first: u32,
}

@group(0) @binding(2) var<storage, read> targets: array<u32>;
@group(0) @binding(3) var<storage, read> target_logits: array<f32>;
@group(0) @binding(4) var<storage, read> logps: array<f32>;
@group(0) @binding(5) var<storage, read> d_logps: array<f32>;
@group(0) @binding(6) var<storage, read_write> d_logits: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(SIDE, SIDE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let token = rows_of(group.y, local.xy, params.tokens);
  let column = block_of(group.x, local.xy, params.tokens) * TILE + local.x + OWN_LINES;
  let entry = params.first + column;
  let logits = products(token, entry, params.tokens, params.vocab, params.width / 4u, local.xy);

  for (var i = 0u; i < 4u; i++) {
    if (token[i] < params.tokens) {
      let t = token[i];
      let lse = target_logits[t] - logps[t];
      for (var j = 0u; j < 4u; j++) {
        if (column[j] < params.slab) {
          let hit = select(0.0, 1.0, entry[j] == targets[t]);
          let gradient = d_logps[t] * (hit - exp(min(logits[i][j] - lse, 0.0)));
          d_logits[t * params.slab + column[j]] = select(0.0, gradient, entry[j] < params.vocab);
        }
      }
    }
  }
}
