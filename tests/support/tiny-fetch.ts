/**
 * Serves the tiny model folder from memory in place of the network. `?damage=<path>:<how>` in the script's URL makes
 * one file `missing`, `html`, `truncated` or `flipped`; `?slow=<ms>` delays every file.
 */
import { tinyModelFolder } from './tiny-model.ts';

/** Base URL under which the folder appears. */
export const TINY_BASE_URL = 'https://tiny.invalid/models/';

export type Damage = 'missing' | 'html' | 'truncated' | 'flipped';

/** Replaces `fetch` for URLs below `TINY_BASE_URL`; returns the function that puts it back. */
export function serveTinyModels(damaged?: { path: string; how: Damage }, slowMs = 0): () => void {
  const files = tinyModelFolder();
  const original = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (!url.startsWith(TINY_BASE_URL)) return original(input, init);
    if (slowMs > 0) await new Promise((resolve) => setTimeout(resolve, slowMs));
    init?.signal?.throwIfAborted();
    const path = url.slice(TINY_BASE_URL.length);
    return respond(files.get(path), damaged?.path === path ? damaged.how : undefined);
  };
  return () => {
    globalThis.fetch = original;
  };
}

function respond(bytes: Uint8Array<ArrayBuffer> | undefined, how: Damage | undefined): Response {
  if (!bytes || how === 'missing') return new Response('not found', { status: 404 });
  switch (how) {
    case 'html':
      return new Response('<!doctype html>', { headers: { 'content-type': 'text/html' } });
    case 'truncated':
      return new Response(bytes.slice(0, bytes.length / 2));
    case 'flipped':
      return new Response(bytes.map((byte, i) => (i % 3 === 0 ? byte ^ 0xff : byte)));
    default:
      return new Response(bytes);
  }
}
