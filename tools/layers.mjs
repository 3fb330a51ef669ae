// Holds the import rules of docs/architecture.md: layers point one way, and each outside door is one file.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');

/** Folder -> folders of `src/` it may import from (itself always). Files at the root of `src` count as `.`. */
const MAY_IMPORT = {
  components: ['state', 'engine', 'kernels/losses', 'training/config', 'toybox', 'photographs', 'preference', '.'],
  state: ['engine', 'kernels/losses', 'training/config', 'toybox', 'photographs', 'preference', 'pictures', '.'],
  engine: [
    'toybox/random',
    'photographs',
    'preference',
    'training',
    'training/config',
    'models',
    'kernels',
    'kernels/gpu',
    'kernels/losses',
    'pictures',
    '.',
  ],
  training: [
    'training/config',
    'toybox/random',
    'preference',
    'models',
    'kernels',
    'kernels/gpu',
    'kernels/losses',
    'engine',
    '.',
  ],
  'training/config': ['engine', 'kernels/losses', '.'],
  preference: ['toybox', 'photographs', 'kernels/losses', 'engine', '.'],
  models: ['toybox/random', 'photographs', 'kernels', 'kernels/gpu', 'engine', 'pictures', '.'],
  pictures: ['.'],
  photographs: [],
  kernels: ['kernels/gpu', 'kernels/losses', 'engine', '.'],
  'kernels/losses': ['kernels', 'engine', '.'],
  'kernels/gpu': ['engine', '.'],
  toybox: ['toybox/random'],
  'toybox/random': [],
  '.': ['components', 'state', 'engine', 'kernels/losses', 'training/config', 'toybox', 'photographs', 'preference'],
};

/** From these layers only the page-side face of the engine is visible: data types, errors as data, the client. */
const ENGINE_FACE = ['engine/engine.ts', 'engine/client.ts'];
const PAGE_SIDE = ['components', 'state', '.'];
/** Below the engine only its data types are visible. */
const ENGINE_TYPES_ONLY = [
  'training',
  'training/config',
  'preference',
  'models',
  'kernels',
  'kernels/losses',
  'kernels/gpu',
];

/** Text that may stand in the files of one place only. */
const DOORS = [
  { what: 'navigator.gpu', pattern: /navigator\.gpu|requestAdapter\(/, allowed: /^kernels\/gpu\// },
  { what: 'onnxruntime-web', pattern: /from 'onnxruntime-web|import\('onnxruntime-web/, allowed: /^models\/ort\.ts$/ },
  { what: '@xenova/transformers', pattern: /from '@xenova\/transformers/, allowed: /^models\/hub\.ts$/ },
  { what: 'new Worker', pattern: /new Worker\(/, allowed: /^engine\/client\.ts$/ },
  {
    what: 'storage and location',
    pattern: /indexedDB|from 'idb'|navigator\.storage|[^.\w]location\.|window\.location/,
    allowed: /^state\/(persistence|storage)/,
  },
];

function* sources(dir) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const file = path.join(dir, entry.name);
    if (entry.isDirectory()) yield* sources(file);
    else if (file.endsWith('.ts')) yield file;
  }
}

/** Files that more layers may import than their folder: plain data and a generator, without a GPU. */
const OPEN_FILES = { 'training/config.ts': 'training/config', 'toybox/random.ts': 'toybox/random' };

function layerOf(relative) {
  if (relative in OPEN_FILES) return OPEN_FILES[relative];
  const [first, second] = relative.split('/');
  if (!relative.includes('/')) return '.';
  return first === 'kernels' && (second === 'gpu' || second === 'losses') ? `kernels/${second}` : first;
}

const strip = (text) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');

const problems = [];
for (const file of sources(path.join(root, 'src'))) {
  const relative = path.relative(path.join(root, 'src'), file).split(path.sep).join('/');
  const layer = layerOf(relative);
  const code = strip(readFileSync(file, 'utf8'));
  for (const { what, pattern, allowed } of DOORS) {
    if (pattern.test(code) && !allowed.test(relative))
      problems.push(`src/${relative}: ${what} has another door (${allowed.source})`);
  }
  for (const [, typeOnly, target] of code.matchAll(/(?:import|export)\s+(type\s+)?[^;'"]*?from\s+'(\.[^']+)'/g)) {
    const to = path.posix.normalize(path.posix.join(path.posix.dirname(relative), target));
    if (to.startsWith('..')) continue;
    const toLayer = layerOf(to);
    if (toLayer === layer) continue;
    if (!(MAY_IMPORT[layer] ?? []).includes(toLayer)) problems.push(`src/${relative}: ${layer} may not import ${to}`);
    else if (toLayer === 'engine' && PAGE_SIDE.includes(layer) && !ENGINE_FACE.includes(to))
      problems.push(`src/${relative}: the page sees only ${ENGINE_FACE.join(' and ')}, not ${to}`);
    else if (toLayer === 'engine' && ENGINE_TYPES_ONLY.includes(layer) && !(to === 'engine/engine.ts' && typeOnly))
      problems.push(`src/${relative}: only types of engine/engine.ts may be imported here, not ${to}`);
  }
}
for (const problem of problems) console.error(problem);
console.log(
  problems.length ? `layers: ${problems.length} imports against the rules` : 'layers: every import goes the right way',
);
process.exit(problems.length ? 1 : 0);
