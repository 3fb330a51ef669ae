// WebGPU without a browser, through Dawn's build for Node: the same WGSL, the same launcher. For benchmarks and quick
// checks, also on machines that have a GPU and no browser.
//
//   node tools/node-gpu.mjs script.ts      runs `export default async (gpu: GPU) => ...` of a TypeScript file

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { wgslEsbuild } from './wgsl-plugin.mjs';

const root = path.resolve(import.meta.dirname, '..');

/** Vulkan drivers that render on the CPU, tried where no GPU is found. */
const SOFTWARE_DRIVERS = [
  process.env.MARGIN_SOFTWARE_VULKAN,
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/opt/google/chrome/vk_swiftshader_icd.json',
  '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json',
  '/usr/share/vulkan/icd.d/lvp_icd.json',
];

// The object that `create` returns must stay reachable: Dawn's instance dies with it, and the process with that.
const instances = [];

/**
 * A WebGPU entry point: the machine's GPU, else a software renderer.
 * @returns {Promise<GPU>}
 */
export async function nodeGpu() {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  const open = async () => {
    const gpu = create([]);
    instances.push(gpu);
    return (await gpu.requestAdapter()) ? gpu : null;
  };
  const hardware = await open();
  if (hardware) return hardware;
  const driver = SOFTWARE_DRIVERS.find((file) => file && existsSync(file));
  if (driver) {
    process.env.VK_ICD_FILENAMES = driver;
    process.env.VK_DRIVER_FILES = driver;
    const software = await open();
    if (software) return software;
    relaunchBeside(path.dirname(driver));
  }
  throw new Error(
    'No GPU adapter: no Vulkan, Metal or D3D12 driver was found, and no software one. ' +
      'Name the ICD file of one in MARGIN_SOFTWARE_VULKAN.',
  );
}

/**
 * A browser brings its own Vulkan loader beside its software driver. The dynamic linker reads its search path when a
 * process starts, so the same command runs once more with that folder on it, and this process ends as that one does.
 */
function relaunchBeside(folder) {
  if (process.env.MARGIN_RELAUNCHED || !existsSync(path.join(folder, 'libvulkan.so.1'))) return;
  const search = [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':');
  const { status } = spawnSync(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: 'inherit',
    env: { ...process.env, LD_LIBRARY_PATH: search, MARGIN_RELAUNCHED: '1' },
  });
  process.exit(status ?? 1);
}

/** Bundles a TypeScript entry (and the `.wgsl` it imports) for Node and imports it. */
export async function importTypeScript(entry) {
  const folder = await mkdtemp(path.join(root, 'node_modules/.margin-'));
  try {
    const outfile = path.join(folder, 'bundle.mjs');
    await build({
      entryPoints: [path.resolve(entry)],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      plugins: [wgslEsbuild()],
      logLevel: 'warning',
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] && import.meta.filename === path.resolve(process.argv[1])) {
  const entry = process.argv[2];
  if (!entry) {
    console.error('Usage: node tools/node-gpu.mjs script.ts');
    process.exit(2);
  }
  const script = await importTypeScript(entry);
  await script.default(await nodeGpu());
  // Dawn's threads keep the process alive.
  process.exit(0);
}
