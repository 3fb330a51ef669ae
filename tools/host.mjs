// Serves the page to a browser that a script drives: the sources as `npm start` gives them, or a build.

import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { build, createServer, preview } from 'vite';

const root = path.resolve(import.meta.dirname, '..');

/** A folder of one's own; `remove` deletes it. */
export async function scratchFolder(name) {
  const folder = await mkdtemp(path.join(os.tmpdir(), `margin-${name}-`));
  return { folder, remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Builds the page into a folder. */
export const buildInto = (outDir) =>
  build({ root, logLevel: 'error', build: { outDir, emptyOutDir: true, reportCompressedSize: false } });

/**
 * @param dist folder of a build; without it the sources are served
 * @param port 0 for any that is free
 * @returns the address with its trailing slash, and what ends it
 */
export async function serve({ dist, port = 0 } = {}) {
  const where = { port, strictPort: port !== 0 };
  if (dist) {
    const server = await preview({ root, logLevel: 'error', build: { outDir: dist }, preview: where });
    return served(server);
  }
  const scratch = await scratchFolder('vite');
  const server = await createServer({
    root,
    logLevel: 'error',
    cacheDir: scratch.folder,
    // No watching: files that change while a script runs must not reload its page.
    server: { ...where, hmr: false, watch: null },
  });
  await server.listen();
  return served(server, scratch.remove);
}

function served(server, afterwards) {
  return {
    url: server.resolvedUrls.local[0],
    async close() {
      // A browser keeps its connections open, which must not hold up the end.
      server.httpServer?.closeAllConnections?.();
      await server.close();
      await afterwards?.();
    },
  };
}
