/**
 * The page's Content-Security-Policy asks for Trusted Types: text becomes markup only through Lit's policy, and a script's
 * address is the page's own. The browser asks this default policy about the address of the engine's worker, which Vite
 * must find written out where the worker is made.
 */

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): unknown;
}

const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };

trustedTypes?.createPolicy('default', {
  createScriptURL(url) {
    if (new URL(url, document.baseURI).origin === origin) return url;
    throw new TypeError(`Scripts come from the page's own address, and not from ${url}.`);
  },
});
