/** Backgrounds, painted with whole-number arithmetic so that every machine paints the same pixels. */
import { SCENE_SIZE } from './scene.ts';

type Colour = readonly [number, number, number];

/** A texture is two vertical gradients meeting at a horizon, with grain on the lower one. */
type Texture = {
  /** Row where the lower part begins (0: no upper part). */
  horizon: number;
  upper: readonly [Colour, Colour];
  lower: readonly [Colour, Colour];
  /** Largest brightness change of a grain, and how many pixels wide a grain is. */
  grain: number;
  grainWidth: number;
  /** Rows between dark seams (a planked table), 0 for none. */
  seamEvery: number;
};

const SKY: readonly [Colour, Colour] = [
  [143, 203, 245],
  [205, 232, 250],
];

const TEXTURES: Record<string, Texture> = {
  grass: {
    horizon: 40,
    upper: SKY,
    lower: [
      [132, 196, 96],
      [88, 158, 66],
    ],
    grain: 9,
    grainWidth: 1,
    seamEvery: 0,
  },
  sand: {
    horizon: 28,
    upper: SKY,
    lower: [
      [244, 224, 172],
      [226, 196, 132],
    ],
    grain: 8,
    grainWidth: 1,
    seamEvery: 0,
  },
  snow: {
    horizon: 44,
    upper: [
      [176, 198, 222],
      [214, 226, 240],
    ],
    lower: [
      [246, 250, 255],
      [224, 234, 246],
    ],
    grain: 4,
    grainWidth: 2,
    seamEvery: 0,
  },
  night: {
    horizon: 0,
    upper: SKY,
    lower: [
      [16, 22, 52],
      [44, 48, 92],
    ],
    grain: 5,
    grainWidth: 2,
    seamEvery: 0,
  },
  table: {
    horizon: 0,
    upper: SKY,
    lower: [
      [206, 160, 108],
      [178, 130, 82],
    ],
    grain: 7,
    grainWidth: 8,
    seamEvery: 32,
  },
  sky: {
    horizon: 0,
    upper: SKY,
    lower: [
      [104, 178, 240],
      [190, 224, 250],
    ],
    grain: 0,
    grainWidth: 1,
    seamEvery: 0,
  },
  water: {
    horizon: 30,
    upper: SKY,
    lower: [
      [70, 150, 200],
      [36, 104, 160],
    ],
    grain: 10,
    grainWidth: 6,
    seamEvery: 0,
  },
  wall: {
    horizon: 0,
    upper: SKY,
    lower: [
      [248, 212, 216],
      [240, 192, 200],
    ],
    grain: 2,
    grainWidth: 1,
    seamEvery: 0,
  },
};

/** A repeatable number from -range to range for a grain at (x, y). */
function grainAt(x: number, y: number, range: number): number {
  let h = Math.imul(x + 1, 0x27d4eb2d) ^ Math.imul(y + 1, 0x165667b1);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h ^= h >>> 13;
  return range === 0 ? 0 : ((h >>> 0) % (2 * range + 1)) - range;
}

/** Colour between two others, `step` of `steps` of the way. */
function between(pair: readonly [Colour, Colour], step: number, steps: number, channel: number): number {
  const [from, to] = pair;
  return from[channel] + Math.trunc(((to[channel] - from[channel]) * step) / steps);
}

/** Fills an RGBA picture of `SCENE_SIZE` with a background. */
export function paintBackground(name: string, rgba: Uint8ClampedArray): void {
  const texture = TEXTURES[name];
  if (!texture) throw new RangeError(`"${name}" is not a background of the Toybox world`);
  const { horizon, upper, lower, grain, grainWidth, seamEvery } = texture;
  for (let y = 0; y < SCENE_SIZE; y++) {
    const isUpper = y < horizon;
    const isSeam = seamEvery > 0 && y % seamEvery === seamEvery - 1;
    for (let x = 0; x < SCENE_SIZE; x++) {
      const change = isUpper ? 0 : grainAt(Math.trunc(x / grainWidth), y, grain) - (isSeam ? 36 : 0);
      const at = (y * SCENE_SIZE + x) * 4;
      for (let channel = 0; channel < 3; channel++) {
        const base = isUpper
          ? between(upper, y, horizon, channel)
          : between(lower, y - horizon, SCENE_SIZE - horizon, channel);
        rgba[at + channel] = base + change;
      }
      rgba[at + 3] = 255;
    }
  }
}
