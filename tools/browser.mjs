// Finds a Chrome or Chromium that has WebGPU: CHROME_PATH, the usual names on PATH, the usual places,
// Playwright's cache; else installs one (Playwright's download, else Debian's package as root). And its flags.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** WebGPU on whatever adapter the machine has. */
export const HARDWARE_FLAGS = ['--enable-unsafe-webgpu', '--enable-features=Vulkan', '--ignore-gpu-blocklist'];

/** SwiftShader: the same WebGPU on every machine, slow and exact. */
export const SOFTWARE_FLAGS = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
  '--use-vulkan=swiftshader',
  '--enable-unsafe-swiftshader',
];

const NAMES = ['google-chrome-stable', 'google-chrome', 'chromium', 'chromium-browser', 'chrome', 'msedge'];

const PLACES = {
  darwin: [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
  ],
  win32: [
    'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
    'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
    'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
  ],
};

function onPath() {
  const dirs = (process.env.PATH ?? '').split(path.delimiter).filter(Boolean);
  for (const name of NAMES) {
    for (const dir of dirs) {
      const file = path.join(dir, process.platform === 'win32' ? `${name}.exe` : name);
      if (existsSync(file)) return file;
    }
  }
  return undefined;
}

/** Full Chromium only: Playwright's headless shell is built without WebGPU. */
function inPlaywrightCache() {
  const roots = {
    linux: path.join(os.homedir(), '.cache/ms-playwright'),
    darwin: path.join(os.homedir(), 'Library/Caches/ms-playwright'),
    win32: path.join(os.homedir(), 'AppData/Local/ms-playwright'),
  };
  const root = process.env.PLAYWRIGHT_BROWSERS_PATH ?? roots[process.platform];
  if (!root || !existsSync(root)) return undefined;
  const inside = [
    'chrome-linux/chrome',
    'chrome-linux64/chrome',
    'chrome-mac/Chromium.app/Contents/MacOS/Chromium',
    'chrome-win/chrome.exe',
  ];
  for (const folder of readdirSync(root)
    .filter((name) => /^chromium-\d+$/.test(name))
    .sort()
    .reverse()) {
    for (const tail of inside) {
      const file = path.join(root, folder, tail);
      if (existsSync(file)) return file;
    }
  }
  return undefined;
}

function installed() {
  if (process.env.CHROME_PATH) {
    if (!existsSync(process.env.CHROME_PATH)) {
      throw new Error(`CHROME_PATH names ${process.env.CHROME_PATH}, which does not exist.`);
    }
    return process.env.CHROME_PATH;
  }
  return onPath() ?? (PLACES[process.platform] ?? []).find(existsSync) ?? inPlaywrightCache();
}

function attempt(command, args, env = {}) {
  console.log(`$ ${command} ${args.join(' ')}`);
  return spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, ...env } }).status === 0;
}

/** Path of a browser, installing one where none is found. Throws with what to do when that fails too. */
export async function findBrowser() {
  const found = installed();
  if (found) return found;
  console.log('No Chrome or Chromium found; installing one for the tests.');
  attempt(process.execPath, ['node_modules/playwright-core/cli.js', 'install', 'chromium']);
  const downloaded = inPlaywrightCache();
  if (downloaded) return downloaded;
  if (process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    attempt('apt-get', ['update']);
    attempt('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], { DEBIAN_FRONTEND: 'noninteractive' });
    const packaged = onPath();
    if (packaged) return packaged;
  }
  throw new Error('No Chrome or Chromium: install one, or set CHROME_PATH to its executable.');
}

if (process.argv[1] && import.meta.filename === path.resolve(process.argv[1])) {
  const file = await findBrowser();
  console.log(file, execFileSync(file, ['--version'], { encoding: 'utf8' }).trim());
}
