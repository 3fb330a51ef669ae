/** What stands in a photograph, by the bundled detector. */
import { EngineError, throwIfCancelled } from '../../errors.ts';
import { downloadModel, findModel, loadCatalog } from '../../models/catalog.ts';
import { PhotoDetector } from '../../models/detector.ts';
import type { Seen } from '../../photographs/index.ts';
import type { LookRequest } from '../engine.ts';
import type { EngineHost, JobContext } from './host.ts';

/** The only detector there is; its licence is clear, and it needs no network. */
const DETECTOR = 'photo-detector';

/**
 * @throws {EngineError} before models were loaded; {ModelFileError} where the detector's files are missing or broken;
 * {InputError} for an undecodable picture; {CancelledError}.
 */
export async function look(host: EngineHost, { image }: LookRequest, { signal }: JobContext): Promise<Seen> {
  host.detector ??= await loadDetector(host.baseUrl, signal);
  throwIfCancelled(signal);
  return host.detector.look(image);
}

async function loadDetector(baseUrl: string | undefined, signal: AbortSignal): Promise<PhotoDetector> {
  if (!baseUrl)
    throw new EngineError('No models are loaded, so nobody knows where the detector lies. Load some first.');
  const catalog = await loadCatalog(baseUrl, { signal });
  return PhotoDetector.load(await downloadModel(findModel(catalog, DETECTOR, 'detector'), baseUrl, { signal }));
}
