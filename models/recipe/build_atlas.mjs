/**
 * Rasterises the Toybox sprites: `node models/recipe/build_atlas.mjs`.
 *
 * Reads the three Iconify emoji sets (devDependencies) and writes
 * src/toybox/sprites/atlas.bin. The file is committed, so this only needs to run
 * again when the vocabulary changes. Layout: see src/toybox/atlas.ts.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { deflateSync } from 'node:zlib';
import { Resvg } from '@resvg/resvg-js';
import { build } from 'esbuild';

const root = new URL('../../', import.meta.url);
const require = createRequire(import.meta.url);
const SETS = { noto: 'noto', fluent: 'fluent-emoji-flat', twemoji: 'twemoji' };

/** The vocabulary, from the TypeScript that the page uses. */
async function loadWorld() {
  const result = await build({
    stdin: {
      contents: `export { NOUNS } from './src/toybox/nouns.ts'; export { SPRITE_SIZES } from './src/toybox/scene.ts';`,
      resolveDir: root.pathname,
    },
    bundle: true,
    format: 'esm',
    write: false,
  });
  const code = Buffer.from(result.outputFiles[0].text).toString('base64');
  return import(`data:text/javascript;base64,${code}`);
}

/** One icon as a square SVG document. */
function svgOf(set, icon) {
  const { body, width = set.width ?? 16, height = set.height ?? 16 } = set.icons[icon];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}">${body}</svg>`;
}

/** resvg gives premultiplied pixels; sprites are stored straight. */
function straight(pixels) {
  const out = new Uint8Array(pixels.length);
  for (let i = 0; i < pixels.length; i += 4) {
    const alpha = pixels[i + 3];
    if (alpha === 0) continue;
    for (let c = 0; c < 3; c++) out[i + c] = Math.min(255, Math.round((pixels[i + c] * 255) / alpha));
    out[i + 3] = alpha;
  }
  return out;
}

/** Planes R, G, B, A; each value minus the one above it. */
function encodeBlock(rgba, size) {
  const area = size * size;
  const block = new Uint8Array(area * 4);
  for (let c = 0; c < 4; c++) {
    for (let i = 0; i < area; i++) {
      const above = i < size ? 0 : rgba[(i - size) * 4 + c];
      block[c * area + i] = (rgba[i * 4 + c] - above) & 255;
    }
  }
  return block;
}

const { NOUNS, SPRITE_SIZES } = await loadWorld();
const sets = Object.fromEntries(
  Object.entries(SETS).map(([style, name]) => [
    style,
    JSON.parse(readFileSync(require.resolve(`@iconify-json/${name}/icons.json`), 'utf8')),
  ]),
);
const entries = [];
const blocks = [];
for (const { noun, icon, styles } of NOUNS) {
  for (const style of styles) {
    for (const size of SPRITE_SIZES) {
      const image = new Resvg(svgOf(sets[style], icon), { fitTo: { mode: 'width', value: size } }).render();
      entries.push({ noun, style, size });
      blocks.push(encodeBlock(straight(image.pixels), size));
    }
  }
}
const header = Buffer.from(JSON.stringify({ entries }));
const length = Buffer.alloc(4);
length.writeUInt32LE(header.length);
const bytes = deflateSync(Buffer.concat([length, header, ...blocks]), { level: 9 });
writeFileSync(new URL('src/toybox/sprites/atlas.bin', root), bytes);
console.log(`${entries.length} sprites of ${NOUNS.length} nouns, ${bytes.length} bytes`);
