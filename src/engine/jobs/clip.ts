/** Image-text similarity. */
import { InputError } from '../../errors.ts';
import type { ClipRequest } from '../engine.ts';
import { type EngineHost, type JobContext, requireClip } from './host.ts';

/** Cosine similarities, one per text. @throws {InputError} for texts that are not strings, or an undecodable picture. */
export async function clipScore(host: EngineHost, request: ClipRequest, context: JobContext): Promise<number[]> {
  if (request.texts.some((text) => typeof text !== 'string' || text.trim() === '')) {
    throw new InputError('CLIP needs a text to compare with the picture; one of them is empty.', 'texts');
  }
  return requireClip(host).score(request.image, request.texts, context);
}
