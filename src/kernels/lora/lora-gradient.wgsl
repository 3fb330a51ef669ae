// Formula:   dw[o, i] += scale · Σ_r dy[r, o] · x[r, s · width + i], for lines o of slice s.
//            dB: dy of the product, x = u, scale = α / r; dA: dy = du, x of the product, scale 1, one slice
// Shapes:    dy f32 [rows, out], x f32 [rows, slices · width], slices u32 [slices, 2] = (first, end) line, ascending
//            -> dw f32 [out, width] (read and written; lines of no slice stay); out, width and slices multiples of 4
// Work:      a thread makes 4 × 4 elements of dw and walks all rows; grid = (width / 4, out / 4), without atomics
// Numerics:  f32 sums in the order of r
// Gradient:  none: this is the gradient of lora-up and of u = x Aᵀ with respect to B and A
override WORKGROUP_SIZE: u32;

struct Params {
  rows: u32,
  out: u32,
  width: u32,
  slice_count: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> slices: array<vec2u>;
@group(0) @binding(3) var<storage, read_write> dw: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let quads = params.width / 4u;
  let quad = thread.x % quads;
  let lines = thread.x / quads;
  if (lines >= params.out / 4u) {
    return;
  }
  var slice = 0u;
  while (slice < params.slice_count && 4u * lines >= slices[slice].y) {
    slice++;
  }
  if (slice == params.slice_count || 4u * lines < slices[slice].x) {
    return;
  }
  let x_quads = quads * params.slice_count;

  var sums = mat4x4f(); // sums[i]: 4 elements of line 4 · lines + i
  for (var row = 0u; row < params.rows; row++) {
    let gradient = dy[row * (params.out / 4u) + lines];
    let value = x[row * x_quads + slice * quads + quad];
    sums[0] += gradient.x * value;
    sums[1] += gradient.y * value;
    sums[2] += gradient.z * value;
    sums[3] += gradient.w * value;
  }

  for (var i = 0u; i < 4u; i++) {
    dw[(4u * lines + i) * quads + quad] += params.scale * sums[i];
  }
}
