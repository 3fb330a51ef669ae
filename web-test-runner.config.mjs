import { esbuildPlugin } from '@web/dev-server-esbuild';
import { chromeLauncher } from '@web/test-runner-chrome';
import { findBrowser, SOFTWARE_FLAGS } from './tools/browser.mjs';
import { cssTestServer } from './tools/css-plugin.mjs';
import { lossPageTestServer } from './tools/loss-page-plugin.mjs';
import { wgslTestServer } from './tools/wgsl-plugin.mjs';

export default {
  files: process.env.MARGIN_TESTS?.split(',') ?? ['tests/**/*.test.ts'],
  nodeResolve: { exportConditions: ['browser', 'production'] },
  mimeTypes: { '**/*.wgsl': 'js', '**/*.css': 'js' },
  plugins: [
    esbuildPlugin({ ts: true, target: 'es2022', tsconfig: './tsconfig.json' }),
    wgslTestServer(),
    lossPageTestServer(),
    cssTestServer(),
  ],
  browsers: [
    chromeLauncher({
      launchOptions: {
        executablePath: await findBrowser(),
        headless: true,
        args: [
          '--no-sandbox',
          ...SOFTWARE_FLAGS,
          '--disable-background-networking',
          '--disable-component-update',
          '--disable-sync',
          '--no-first-run',
        ],
      },
    }),
  ],
  // One page at a time: SwiftShader is a CPU renderer and two cores are common in CI.
  concurrency: 1,
  // Beside a full load everything takes several times as long; nothing here measures speed.
  browserStartTimeout: 180_000,
  testsStartTimeout: 300_000,
  testsFinishTimeout: 3_600_000,
  testFramework: { config: { timeout: 300_000 } },
};
