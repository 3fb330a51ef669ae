/** Loading: device, files, sessions, the start-up checks, warm-up. */
import { throwIfCancelled } from '../../errors.ts';
import { checkFastPaths } from '../../kernels/fast-paths.ts';
import { Gpu } from '../../kernels/gpu/index.ts';
import {
  type CatalogEntry,
  downloadModel,
  findModel,
  loadCatalog,
  type ModelFiles,
  totalBytes,
} from '../../models/catalog.ts';
import { ClipScorer } from '../../models/clip-scorer.ts';
import { readPreprocessor } from '../../models/model-json.ts';
import { VisionLanguageModel } from '../../models/vlm.ts';
import type { EngineFacts, LoadProgress, ModelFacts } from '../engine.ts';
import type { LoadRequest } from '../protocol.ts';
import { dropAdapter, type EngineHost } from './host.ts';

export interface LoadContext {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: LoadProgress) => void;
  /** Called once for a device that this job opened. */
  readonly onDevice: (gpu: Gpu) => void;
}

/** Parts after the download, for the step counter: compile, check and warm-up of the VLM, check of CLIP. */
const STEPS = 4;

/**
 * Loads both models into `host` and disposes those loaded before.
 * @throws {NoWebGpuError} @throws {ModelFileError} @throws {InputError} @throws {CancelledError}
 */
export async function loadModels(host: EngineHost, request: LoadRequest, context: LoadContext): Promise<EngineFacts> {
  const start = performance.now();
  const { signal } = context;
  if (!host.gpu) {
    host.gpu = await Gpu.create();
    context.onDevice(host.gpu);
    await checkFastPaths(host.gpu);
  }
  const gpu = host.gpu;
  throwIfCancelled(signal);
  host.baseUrl = request.baseUrl;
  const catalog = await loadCatalog(request.baseUrl, { signal });
  const vlmEntry = findModel(catalog, request.vlm, 'vlm');
  const clipEntry = findModel(catalog, request.clip, 'clip');
  const [vlmFiles, clipFiles] = await download([vlmEntry, clipEntry], request.baseUrl, context);

  await unload(host);
  let steps = 0;
  const step = (stage: LoadProgress['stage'], item: string) =>
    context.onProgress({ stage, item, done: steps++, total: STEPS });
  host.vlm = await VisionLanguageModel.load(gpu, vlmFiles, step, signal);
  throwIfCancelled(signal);
  step('check', clipEntry.label);
  host.clip = await ClipScorer.load(
    gpu,
    {
      vision: clipFiles.bytes('clipVision'),
      text: clipFiles.bytes('clipText'),
      name: clipEntry.id,
      preprocessor: readPreprocessor(clipFiles.json('preprocessor'), clipFiles.name('preprocessor')),
      tokenizer: { tokenizer: clipFiles.json('tokenizer'), tokenizerConfig: clipFiles.json('tokenizerConfig') },
      config: clipFiles.json('config'),
    },
    signal,
  );
  return {
    device: gpu.facts,
    models: [modelFacts('vlm', vlmFiles, host.vlm.tower), modelFacts('clip', clipFiles, host.clip)],
    loadMs: performance.now() - start,
  };
}

/** Frees the models; the device stays. */
export async function unload(host: EngineHost): Promise<void> {
  const { vlm, clip } = host;
  dropAdapter(host);
  host.references = undefined;
  host.vlm = null;
  host.clip = null;
  await vlm?.dispose();
  await clip?.dispose();
}

/** Fetches both models with one byte counter over all files. */
async function download(
  entries: readonly CatalogEntry[],
  baseUrl: string,
  { signal, onProgress }: LoadContext,
): Promise<ModelFiles[]> {
  const totals = entries.map(totalBytes);
  const loaded: ModelFiles[] = [];
  let before = 0;
  for (const [index, entry] of entries.entries()) {
    const files = await downloadModel(entry, baseUrl, {
      signal,
      onBytes: (item, done, total) => {
        totals[index] = total;
        const sum = totals.reduce((a, b) => a + b, 0);
        onProgress({ stage: 'download', item, done: before + done, total: sum });
      },
    });
    before += files.totalBytes;
    totals[index] = files.totalBytes;
    loaded.push(files);
  }
  return loaded;
}

function modelFacts(
  kind: ModelFacts['kind'],
  files: ModelFiles,
  part: { provider: ModelFacts['provider']; agreement?: number; note: string },
): ModelFacts {
  const { id, label, world, licence } = files.entry;
  return {
    id,
    label,
    kind,
    world,
    licence,
    bytes: files.totalBytes,
    provider: part.provider,
    agreement: part.agreement,
    note: part.note,
  };
}
