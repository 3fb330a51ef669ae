import { css, html, LitElement } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { HELD_OUT_PHOTOGRAPHS, PHOTOGRAPH_LICENCE, SAMPLE_PHOTOGRAPHS } from '../../photographs/pictures.ts';
import type { App } from '../../state/app.ts';
import { Select } from '../../state/select.ts';
import { SPRITE_CREDITS } from '../../toybox/index.ts';
import { WEBGPU_BROWSERS } from '../app/browsers.ts';
import { bytes } from '../shared/format.ts';
import { base } from '../shared/styles.ts';

/** Code that travels inside the page, with its licence. */
const BUNDLED: readonly { readonly name: string; readonly licence: string; readonly url: string }[] = [
  { name: 'Lit', licence: 'BSD-3-Clause', url: 'https://lit.dev' },
  { name: 'KaTeX, with its fonts', licence: 'MIT', url: 'https://katex.org' },
  { name: 'ONNX Runtime Web', licence: 'MIT', url: 'https://onnxruntime.ai' },
  { name: 'Transformers.js', licence: 'Apache-2.0', url: 'https://huggingface.co/docs/transformers.js' },
  { name: 'idb', licence: 'ISC', url: 'https://github.com/jakearchibald/idb' },
  { name: 'valibot', licence: 'MIT', url: 'https://github.com/open-circle/valibot' },
];

/**
 * What this page is, what it is made of and under which licences, and where else it runs.
 *
 * @property app - the page's application object
 */
@customElement('margin-about')
export class MarginAbout extends LitElement {
  @property({ attribute: false }) app!: App;
  #engine = new Select(
    this,
    () => this.app?.store,
    (state) => state.engine,
  );

  static override styles = [
    base,
    css`
      :host {
        padding: 16px 22px 24px;
        max-width: 760px;
      }
      h3 {
        margin: 18px 0 4px;
        font-size: var(--m-size);
      }
      ul {
        margin: 0;
        padding-left: 20px;
      }
      pre {
        margin: 6px 0 0;
        padding: 10px 12px;
        border-radius: var(--m-radius);
        background: var(--m-surface-2);
        font: 13.5px / 1.5 var(--m-font-mono);
        overflow: auto;
      }
    `,
  ];

  protected override render() {
    const engine = this.#engine.value;
    return html`<p>
        Margin is a playground for preference alignment of vision-language models. Everything runs in this tab: no
        picture, prompt or answer leaves the machine. Images and pairs are kept by this browser until you delete them.
      </p>
      <h3>Models</h3>
      ${
        engine.kind === 'ready'
          ? html`<ul>
            ${engine.facts.models.map(
              ({ label, licence, bytes: size }) => html`<li>${label}: ${licence}, ${bytes(size)}</li>`,
            )}
          </ul>`
          : html`<p class="muted">Listed here once they are loaded.</p>`
      }
      <h3>Toybox pictures</h3>
      <p>Scenes are drawn from openly licensed emoji:</p>
      <ul>
        ${SPRITE_CREDITS.map(
          ({ title, author, licence, licenceUrl, source }) =>
            html`<li>
              <a href=${source} target="_blank" rel="noreferrer">${title}</a> by ${author},
              <a href=${licenceUrl} target="_blank" rel="noreferrer">${licence}</a>, rasterised
            </li>`,
        )}
      </ul>
      <h3>Photographs</h3>
      <p>
        From Flickr by way of COCO, scaled down, under
        <a href=${PHOTOGRAPH_LICENCE.url} target="_blank" rel="noreferrer">${PHOTOGRAPH_LICENCE.name}</a>; each link leads
        to the photograph's page, which names who took it.
      </p>
      <ul>
        ${(
          [
            ['Samples', SAMPLE_PHOTOGRAPHS],
            ['Held out, to evaluate on', HELD_OUT_PHOTOGRAPHS],
          ] as const
        ).map(
          ([title, photographs]) => html`<li>
            ${title}:
            ${photographs.map(
              ({ name, source }, i) =>
                html`${i > 0 ? ', ' : ''}<a href=${source} target="_blank" rel="noreferrer">${name}</a>`,
            )}
          </li>`,
        )}
      </ul>
      <h3>Code in the bundle</h3>
      <ul>
        ${BUNDLED.map(
          ({ name, licence, url }) =>
            html`<li><a href=${url} target="_blank" rel="noreferrer">${name}</a>, ${licence}</li>`,
        )}
      </ul>
      <h3>Browsers with WebGPU</h3>
      <ul>
        ${WEBGPU_BROWSERS.map(({ name, since }) => html`<li>${name} ${since}</li>`)}
      </ul>
      <h3>From the console</h3>
      <p>Everything the page does can be called from the browser's console; the README documents it.</p>
      <pre tabindex="0" aria-label="Console example">await margin.ready
await margin.evaluate({ objective: 'dpo', hyperparameters: { beta: 0.1 } })</pre>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-about': MarginAbout;
  }
}
