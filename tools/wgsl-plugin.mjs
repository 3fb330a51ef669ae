// One meaning of `import shader from './x.wgsl'` for Vite, the test server and the Node bundler:
// a plain object { path, code }, so that a compile error can be mapped back to the file people read.

import { readFile } from 'node:fs/promises';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');

/** JavaScript module text for one WGSL file. */
export function wgslModule(file, code) {
  const relative = path.relative(root, file).split(path.sep).join('/');
  return `export default ${JSON.stringify({ path: relative, code })};`;
}

/** Vite / Rollup plugin. */
export function wgslVite() {
  return {
    name: 'wgsl',
    transform(code, id) {
      const file = id.split('?')[0];
      if (!file.endsWith('.wgsl') || id.includes('?raw')) return undefined;
      return { code: wgslModule(file, code), map: null };
    },
  };
}

/** @web/test-runner plugin. Set `mimeTypes: { '**\/*.wgsl': 'js' }` beside it. */
export function wgslTestServer() {
  return {
    name: 'wgsl',
    transform(context) {
      if (!context.path.endsWith('.wgsl')) return undefined;
      return { body: wgslModule(path.join(root, decodeURI(context.path)), context.body) };
    },
  };
}

/** esbuild plugin, for the Node side of the benchmarks and quick checks. */
export function wgslEsbuild() {
  return {
    name: 'wgsl',
    setup(build) {
      build.onLoad({ filter: /\.wgsl$/ }, async ({ path: file }) => ({
        contents: wgslModule(file, await readFile(file, 'utf8')),
        loader: 'js',
      }));
    },
  };
}
