// The Content-Security-Policy of the page: a meta tag in the build, which any file server serves, and a header of the dev
// and the preview server, which their workers get too. Why each source is there: docs/decisions/0017-content-security-policy.md.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** Where files of hub models come from: the hub, and the hosts it sends a download on to. */
const HUB = ['https://huggingface.co', 'https://*.huggingface.co', 'https://*.hf.co'];

/**
 * @param {object} options
 * @param {boolean} options.hub whether models of the hub can be chosen
 * @param {string} [options.nonce] of the style elements that the dev server puts in
 */
export function contentSecurityPolicy({ hub, nonce }) {
  const directives = {
    'default-src': ["'none'"],
    // WebAssembly of ONNX Runtime is compiled; text never becomes code.
    'script-src': ["'self'", "'wasm-unsafe-eval'"],
    'worker-src': ["'self'"],
    'connect-src': ["'self'", ...(hub ? HUB : [])],
    'img-src': ["'self'", 'blob:', 'data:'],
    'media-src': ["'self'", 'blob:'],
    'font-src': ["'self'", 'data:'],
    // Lit's sheets are constructed, which no directive restricts; elements and files of styles are the page's own.
    'style-src': ["'self'"],
    'style-src-elem': ["'self'", ...(nonce ? [`'nonce-${nonce}'`] : [])],
    // KaTeX lays formulas out with style attributes, and so do bars and plots; an attribute cannot run anything.
    'style-src-attr': ["'unsafe-inline'"],
    'object-src': ["'none'"],
    'base-uri': ["'self'"],
    'form-action': ["'none'"],
    'require-trusted-types-for': ["'script'"],
    // Lit's templates, and src/trusted-types.ts for the address of the worker.
    'trusted-types': ['lit-html', 'default'],
  };
  return Object.entries(directives)
    .map(([name, sources]) => `${name} ${sources.join(' ')}`)
    .join('; ');
}

/** Whether the catalog lists models that are fetched from the hub. */
function listsHubModels(root) {
  const catalog = JSON.parse(readFileSync(path.join(root, 'models/catalog.json'), 'utf8'));
  return catalog.models.some(({ source }) => source.type === 'hub');
}

/** Vite plugin: header in `vite` and `vite preview`, meta tag in `vite build`. */
export function contentSecurity() {
  let meta = '';
  return {
    name: 'content-security',
    config(config, { command, isPreview }) {
      const root = path.resolve(config.root ?? '.');
      const hub = listsHubModels(root);
      meta = contentSecurityPolicy({ hub });
      const nonce = command === 'serve' && !isPreview ? randomBytes(16).toString('base64url') : undefined;
      // Headers can say who may show the page in a frame; a meta tag cannot.
      const header = (policy) => ({ 'Content-Security-Policy': `${policy}; frame-ancestors 'self'` });
      return {
        ...(nonce && { html: { cspNonce: nonce } }),
        server: { headers: header(contentSecurityPolicy({ hub, nonce })) },
        preview: { headers: header(meta) },
      };
    },
    transformIndexHtml: {
      order: 'post',
      handler: (html, { server }) =>
        server
          ? html
          : {
              html,
              tags: [
                {
                  tag: 'meta',
                  attrs: { 'http-equiv': 'Content-Security-Policy', content: meta },
                  injectTo: 'head-prepend',
                },
              ],
            },
    },
  };
}
