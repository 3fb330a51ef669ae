// In Vite `import text from './x.css?inline'` gives the sheet as text; this gives the test server the same meaning.
// A plain `import './x.css'` loads the module and leaves the page's styles alone.

/** @web/test-runner plugin. Set `mimeTypes: { '**\/*.css': 'js' }` beside it. */
export function cssTestServer() {
  return {
    name: 'css-as-text',
    transform(context) {
      if (!context.path.endsWith('.css')) return undefined;
      return { body: `export default ${JSON.stringify(context.body)};` };
    },
  };
}
