// Formula:   du[r, s · rank + j] = scale · Σ over columns o of slice s of dy[r, o] · B[o, j]
// Shapes:    dy f32 [rows, out], b f32 [out, rank], slices u32 [slices, 2] = (first, end) column of dy
//            -> du f32 [rows, slices · rank]; rank % 4 = 0, and every slice begins and ends at a multiple of 4
// Work:      a thread makes 4 neighbouring elements of du, reading four o at a time; as many threads as du has quads, or
//            so many that each makes several
// Numerics:  f32 sums in the order of o
// Gradient:  none: this is the gradient of lora-up with respect to u
override WORKGROUP_SIZE: u32;

struct Params {
  rows: u32,
  out: u32,
  rank: u32,
  stacked: u32, // slices · rank
  scale: f32,
}

@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read> slices: array<vec2u>;
@group(0) @binding(3) var<storage, read_write> du: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stacked_quads = params.stacked / 4u;
  let quads = params.rank / 4u;
  for (var i = thread.x; i < params.rows * stacked_quads; i += groups.x * WORKGROUP_SIZE) {
    let own = i % stacked_quads;
    let columns = slices[own / quads];
    let dy_start = (i / stacked_quads) * (params.out / 4u);

    var sum = vec4f(0.0);
    for (var o = columns.x / 4u; o < columns.y / 4u; o++) {
      let at = 4u * o * quads + own % quads;
      // Four rows of B as the columns of a matrix: it times four of dy is their sum, weighted by dy.
      sum += mat4x4f(b[at], b[at + quads], b[at + 2u * quads], b[at + 3u * quads]) * dy[dy_start + o];
    }
    du[i] = params.scale * sum;
  }
}
