// Recomputes sizes and SHA-256 of the bundled models in models/catalog.json from the files as they lie there:
//
//     node tools/catalog.mjs            writes the catalog
//     node tools/catalog.mjs --check    only compares; exit status 1 on a difference
//
// Hub entries are left as they are.

import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..', 'models');
const file = path.join(root, 'catalog.json');
const before = await readFile(file, 'utf8');
const catalog = JSON.parse(before);

for (const model of catalog.models) {
  if (model.source.type !== 'bundled') continue;
  for (const entry of model.files) {
    const bytes = await readFile(path.join(root, model.source.path, entry.path)).catch(() => {
      console.error(`models/${model.source.path}/${entry.path} is missing.`);
      process.exit(1);
    });
    entry.bytes = bytes.length;
    entry.sha256 = createHash('sha256').update(bytes).digest('hex');
  }
}

const after = `${JSON.stringify(catalog, null, 2)}\n`;
if (after === before) {
  console.log('models/catalog.json is up to date.');
} else if (process.argv.includes('--check')) {
  console.error('models/catalog.json does not match the files: run "node tools/catalog.mjs".');
  process.exit(1);
} else {
  await writeFile(file, after);
  console.log('models/catalog.json written.');
}
