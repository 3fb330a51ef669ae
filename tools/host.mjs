// Serves the page to a browser that a script drives: the sources as `npm start` gives them, or a fresh build.

import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { build, createServer, preview } from 'vite';

const root = path.resolve(import.meta.dirname, '..');

/**
 * @param built whether to build the page and serve that
 * @param port 0 for any that is free
 * @returns the address with its trailing slash, and what ends it
 */
export async function serve({ built = false, port = 0 } = {}) {
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'margin-page-'));
  const server = built ? await servedBuild(path.join(scratch, 'dist'), port) : await servedSources(scratch, port);
  return {
    url: server.resolvedUrls.local[0],
    async close() {
      // A browser that keeps its connections open must not hold up the end.
      server.httpServer?.closeAllConnections?.();
      await server.close();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

async function servedBuild(outDir, port) {
  await build({ root, logLevel: 'error', build: { outDir, emptyOutDir: true } });
  return preview({ root, logLevel: 'error', build: { outDir }, preview: { port, strictPort: port !== 0 } });
}

async function servedSources(scratch, port) {
  // No watching: files that change while a script runs must not reload its page.
  const server = await createServer({
    root,
    logLevel: 'error',
    cacheDir: path.join(scratch, 'vite'),
    server: { port, strictPort: port !== 0, hmr: false, watch: null },
  });
  await server.listen();
  return server;
}
