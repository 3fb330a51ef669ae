import { cp } from 'node:fs/promises';
import path from 'node:path';
import basicSsl from '@vitejs/plugin-basic-ssl';
import { defineConfig, type Plugin } from 'vite';
import { contentSecurity } from './tools/csp-plugin.mjs';
import { lossPageVite } from './tools/loss-page-plugin.mjs';
import { wgslVite } from './tools/wgsl-plugin.mjs';

/**
 * `models/` is data. The dev server serves it as it lies there; a build copies what the page may fetch
 * (not the recipe) beside the bundle.
 */
function bundledModels(): Plugin {
  let outDir = 'dist';
  return {
    name: 'bundled-models',
    apply: 'build',
    configResolved({ root, build }) {
      outDir = path.resolve(root, build.outDir);
    },
    async closeBundle() {
      await cp('models', path.join(outDir, 'models'), {
        recursive: true,
        filter: (source) => !source.split(path.sep).includes('recipe'),
      });
    },
  };
}

export default defineConfig(({ mode }) => ({
  base: './',
  // WebGPU needs a secure context: a workshop over the LAN wants https (`npm start -- --mode lan --host`).
  plugins: [wgslVite(), lossPageVite(), bundledModels(), contentSecurity(), ...(mode === 'lan' ? [basicSsl()] : [])],
  worker: { format: 'es', plugins: () => [wgslVite()] },
  // ORT finds its WASM beside its own module; pre-bundling would move the module away from it.
  optimizeDeps: { exclude: ['onnxruntime-web', '@xenova/transformers'] },
  build: { target: 'es2022', chunkSizeWarningLimit: 2000 },
  server: { port: 5173 },
}));
