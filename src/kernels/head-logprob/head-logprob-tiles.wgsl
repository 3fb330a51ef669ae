// Head, log-softmax and gather in one, part 1 of 2: per token and per chunk of the vocabulary, with l = hidden · Wᵀ,
//   m = max l, s = Σ exp(l - m), t = Σ exp(l - m) (l - m), top = argmax l, and l[target] where the chunk holds the target
// hidden f32 [tokens, width] · W f32, f16 or bf16 [vocab, width] (see shared/weights-*.wgsl) · targets u32 [tokens]
// partials f32 [chunks, tokens, 4] = (m, s, t, -) · partial_top u32 [chunks, tokens] · target_logits f32 [tokens]
// A workgroup makes 32 tokens × CHUNK entries of logits, 32 × 32 at a time in registers; none is stored. Numerics: f32,
// max subtracted throughout. Gradient: head-logprob-backward.
const TILE = 32u;          // tokens, and vocabulary entries per step
const SIDE = 8u;           // threads per side: each has TILE / SIDE = 4 tokens and 4 entries, SIDE apart
const QUADS = 8u;          // vec4s of the inner dimension per step
override CHUNK: u32;       // vocabulary entries per workgroup, a multiple of TILE
const LOWEST = -1e30;      // below every logit, far from overflow

struct Params {
  tokens: u32,
  vocab: u32,
  width: u32,
}

@group(0) @binding(0) var<storage, read> hidden: array<vec4f>;
@group(0) @binding(2) var<storage, read> targets: array<u32>;
@group(0) @binding(3) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> partial_top: array<u32>;
@group(0) @binding(5) var<storage, read_write> target_logits: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

var<workgroup> hidden_tile: array<vec4f, TILE * QUADS>;
var<workgroup> w_tile: array<vec4f, TILE * QUADS>;
var<workgroup> thread_partials: array<vec3f, TILE * SIDE>;
var<workgroup> thread_top: array<u32, TILE * SIDE>;

@compute @workgroup_size(SIDE, SIDE)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let quads = params.width / 4u;
  let first_token = group.y * TILE;
  let chunk = group.x;
  let chunk_end = min((chunk + 1u) * CHUNK, params.vocab);

  let nothing = vec3f(LOWEST, 0.0, 0.0);
  var partial = array(nothing, nothing, nothing, nothing); // (m, s, t) of this thread's 4 tokens
  var top: vec4u;

  for (var first_entry = chunk * CHUNK; first_entry < chunk_end; first_entry += TILE) {
    // Logits of 32 tokens × 32 entries, as in linear.wgsl. logits[i][j]: token local.y + i · SIDE, entry local.x + j · SIDE.
    // (Zeroed in words: SwiftShader keeps a variable declared without a value from one turn of a loop to the next.)
    let zero = vec4f(0.0);
    var logits = array(zero, zero, zero, zero);
    for (var start = 0u; start < quads; start += QUADS) {
      for (var slot = lane; slot < TILE * QUADS; slot += SIDE * SIDE) {
        let line = slot / QUADS;
        let quad = start + slot % QUADS;
        hidden_tile[slot] = vec4f(0.0);
        w_tile[slot] = vec4f(0.0);
        if (quad < quads && first_token + line < params.tokens) {
          hidden_tile[slot] = hidden[(first_token + line) * quads + quad];
        }
        if (quad < quads && first_entry + line < chunk_end) {
          w_tile[slot] = weight4((first_entry + line) * quads + quad);
        }
      }
      workgroupBarrier();
      for (var kk = 0u; kk < QUADS; kk++) {
        let w0 = w_tile[local.x * QUADS + kk];
        let w1 = w_tile[(local.x + SIDE) * QUADS + kk];
        let w2 = w_tile[(local.x + 2u * SIDE) * QUADS + kk];
        let w3 = w_tile[(local.x + 3u * SIDE) * QUADS + kk];
        for (var i = 0u; i < 4u; i++) {
          let a = hidden_tile[(local.y + i * SIDE) * QUADS + kk];
          logits[i] += vec4f(dot(a, w0), dot(a, w1), dot(a, w2), dot(a, w3));
        }
      }
      workgroupBarrier();
    }

    // Each thread takes its logits into its own running sums.
    for (var i = 0u; i < 4u; i++) {
      let token = first_token + local.y + i * SIDE;
      for (var j = 0u; j < 4u; j++) {
        let entry = first_entry + local.x + j * SIDE;
        if (entry < chunk_end && token < params.tokens) {
          let logit = logits[i][j];
          top[i] = select(top[i], entry, logit > partial[i].x);
          partial[i] = join(partial[i], vec3f(logit, 1.0, 0.0));
          if (entry == targets[token]) {
            target_logits[token] = logit;
          }
        }
      }
    }
  }

  // One thread per token joins what the SIDE threads of its row have.
  for (var i = 0u; i < 4u; i++) {
    let slot = (local.y + i * SIDE) * SIDE + local.x;
    thread_partials[slot] = partial[i];
    thread_top[slot] = top[i];
  }
  workgroupBarrier();
  let token = first_token + lane;
  if (lane < TILE && token < params.tokens) {
    var joined = thread_partials[lane * SIDE];
    var joined_top = thread_top[lane * SIDE];
    for (var i = 1u; i < SIDE; i++) {
      let next = thread_partials[lane * SIDE + i];
      let next_top = thread_top[lane * SIDE + i];
      if (next.x > joined.x || (next.x == joined.x && next_top < joined_top)) {
        joined_top = next_top;
      }
      joined = join(joined, next);
    }
    partials[chunk * params.tokens + token] = vec4f(joined, 0.0);
    partial_top[chunk * params.tokens + token] = joined_top;
  }
}
