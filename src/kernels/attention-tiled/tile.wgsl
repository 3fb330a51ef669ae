// The shape of a tile: 16 rows × 16 keys, and how 64 threads share it.
const THREADS = 64u;
const TILE = 16u;                    // rows, and keys, per turn; also threads along a head
const OWN = vec4u(0u, 4u, 8u, 12u);  // a thread's four lines of a tile, from its first
const STEP = 8u;                     // vec4s of a head that pass through workgroup memory at a time
const STRIDE = STEP + 1u;            // from line to line there: neighbours start in different memory banks
const MAX_SLOTS = 2u;                // vec4s of a head per thread: 128 / 4 / TILE
