import katex from 'katex';
// Twice on purpose: on the document for the fonts, which shadow roots cannot declare, and inside for the layout.
import 'katex/dist/katex.min.css';
import katexStyles from 'katex/dist/katex.min.css?inline';
import { css, html, LitElement, unsafeCSS } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { unsafeHTML } from 'lit/directives/unsafe-html.js';
import { base } from '../shared/styles.ts';

/** Below this share of the normal size a formula is no longer readable from the back of a room. */
const SMALLEST = 0.7;

/**
 * One formula. KaTeX draws it and puts MathML beside it for assistive technology. A display formula that is too wide
 * is set smaller, within reason, and scrolls beyond that.
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
        font-size: calc(1.12em * var(--fit, 1));
      }
      .katex-display {
        margin: 2px 0;
      }
      .katex-display > .katex {
        text-align: left;
      }
    `,
  ];

  #resize = new ResizeObserver(() => this.fit());

  override connectedCallback(): void {
    super.connectedCallback();
    this.#resize.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resize.disconnect();
  }

  protected override updated(): void {
    this.fit();
    // KaTeX's fonts may arrive after the first drawing, and they are wider than what stands in for them.
    void document.fonts.ready.then(() => this.fit());
  }

  private fit(): void {
    if (!this.display) return;
    this.style.removeProperty('--fit');
    this.removeAttribute('tabindex');
    const share = this.clientWidth / this.scrollWidth;
    if (!(share < 1)) return;
    this.style.setProperty('--fit', Math.max(SMALLEST, share * 0.995).toFixed(3));
    if (share < SMALLEST) this.tabIndex = 0; // what scrolls must be reachable by keyboard
  }

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
