// One meaning of `import('./x/loss.md')` for Vite and the test server: a plain object { path, text, sources } with the
// page of a loss and the TypeScript beside it, as people read them in the gallery. `?raw` leaves the text alone.

import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const fromRoot = (file) => path.relative(root, file).split(path.sep).join('/');

/** The TypeScript files of a loss's folder, `loss.ts` first. */
export function sourcesBeside(file) {
  const folder = path.dirname(file);
  const own = (name) => Number(name !== 'loss.ts');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .sort((a, b) => own(a) - own(b) || a.localeCompare(b))
    .map((name) => path.join(folder, name));
}

/** JavaScript module text for one page. */
export async function lossPageModule(file, text) {
  const sources = await Promise.all(
    sourcesBeside(file).map(async (source) => ({ path: fromRoot(source), code: await readFile(source, 'utf8') })),
  );
  return `export default ${JSON.stringify({ path: fromRoot(file), text, sources })};`;
}

/** Vite / Rollup plugin. */
export function lossPageVite() {
  return {
    name: 'loss-page',
    async transform(text, id) {
      const [file, query = ''] = id.split('?');
      if (!file.endsWith('/loss.md') || query.includes('raw')) return undefined;
      for (const source of sourcesBeside(file)) this.addWatchFile(source);
      return { code: await lossPageModule(file, text), map: null, moduleType: 'js' };
    },
  };
}

/** @web/test-runner plugin. */
export function lossPageTestServer() {
  const isPage = ({ path: url, querystring }) => url.endsWith('/loss.md') && !querystring.includes('raw');
  return {
    name: 'loss-page',
    resolveMimeType(context) {
      return isPage(context) ? 'js' : undefined;
    },
    async transform(context) {
      if (!isPage(context)) return undefined;
      return { body: await lossPageModule(path.join(root, decodeURI(context.path)), context.body) };
    },
  };
}
