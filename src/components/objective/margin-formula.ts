import katex from 'katex';
// Twice on purpose: on the document for the fonts, which shadow roots cannot declare, and inside for the layout.
import 'katex/dist/katex.min.css';
import katexStyles from 'katex/dist/katex.min.css?inline';
import { css, html, LitElement, unsafeCSS } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { unsafeHTML } from 'lit/directives/unsafe-html.js';
import { base } from '../shared/styles.ts';

/**
 * One formula. KaTeX draws it and puts MathML beside it for assistive technology.
 *
 * @property tex - KaTeX source from an objective's declaration, never from a person's input
 * @property display - on a line of its own
 */
@customElement('margin-formula')
export class MarginFormula extends LitElement {
  @property() tex = '';
  @property({ type: Boolean }) display = false;

  static override styles = [
    unsafeCSS(katexStyles),
    base,
    css`
      :host {
        display: inline-block;
        max-width: 100%;
      }
      :host([display]) {
        display: block;
        overflow: auto hidden;
      }
      .katex {
        font-size: 1.12em;
      }
      .katex-display {
        margin: 2px 0;
      }
      .katex-display > .katex {
        text-align: left;
      }
    `,
  ];

  protected override render() {
    const markup = katex.renderToString(this.tex, {
      displayMode: this.display,
      output: 'htmlAndMathml',
      throwOnError: false,
    });
    return html`${unsafeHTML(markup)}`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-formula': MarginFormula;
  }
}
