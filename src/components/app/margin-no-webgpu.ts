import { css, html, LitElement } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { EngineErrorData } from '../../engine/engine.ts';
import { icon } from '../shared/icons.ts';
import { shared } from '../shared/styles.ts';
import { WEBGPU_BROWSERS, webGpuHint } from './browsers.ts';

/**
 * Stands where the engine cannot run: says why, what still works and what to do. Where WebGPU is missing it names
 * the browsers that have it; other failures can be tried again.
 *
 * @property error - what the engine said
 * @fires retry-engine - the person asks for another attempt
 * @fires open-reset - nothing else helps: the person wants to delete what is stored
 */
@customElement('margin-no-webgpu')
export class MarginNoWebGpu extends LitElement {
  @property({ attribute: false }) error!: EngineErrorData;

  static override styles = [
    shared,
    css`
      section {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr) auto;
        gap: 4px 12px;
        align-items: start;
        padding: 10px 14px;
        border: 1px solid var(--m-danger);
        border-radius: var(--m-radius);
        background: var(--m-danger-soft);
        overflow-wrap: anywhere;
      }
      section > svg {
        margin-top: 3px;
        color: var(--m-danger);
      }
      .ways {
        display: grid;
        gap: 4px;
      }
      ul {
        display: inline;
        margin: 0;
        padding: 0;
      }
      li {
        display: inline;
      }
      li:not(:last-child)::after {
        content: '; ';
      }
      p + p {
        margin-top: 3px;
      }
    `,
  ];

  protected override render() {
    return html`<section role="alert">
      ${icon('warning')}
      <div>${this.error.name === 'NoWebGpuError' ? this.renderMissing() : this.renderFailure()}</div>
      <div class="ways">
        <button @click=${() => this.fire('retry-engine')}>Try again</button>
        <button class="quiet" @click=${() => this.fire('open-reset')}>Reset this page…</button>
      </div>
    </section>`;
  }

  private fire(name: string): void {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, composed: true }));
  }

  private renderMissing() {
    const hint = webGpuHint({
      isSecureContext: globalThis.isSecureContext,
      origin: globalThis.origin,
      userAgent: navigator.userAgent,
    });
    return html`<p title=${this.error.message}><strong>${hint.headline}</strong> ${hint.advice}</p>
      <p>The objective panel still works: type log-probabilities into it, and the losses are computed in float64.</p>
      <div class="small">
        Browsers with WebGPU:
        <ul>
          ${WEBGPU_BROWSERS.map(({ name, since }) => html`<li><strong>${name}</strong> ${since}</li>`)}
        </ul>
      </div>`;
  }

  private renderFailure() {
    const cancelled = this.error.name === 'CancelledError';
    return html`<p>
        <strong>${cancelled ? 'There are no models yet.' : 'The models could not be started.'}</strong> ${this.error.message}
        ${
          !cancelled && this.error.subject && !this.error.message.includes(this.error.subject)
            ? html`<span class="mono">(${this.error.subject})</span>`
            : ''
        }
      </p>
      <p>Your images and pairs are kept. The objective panel still works on typed-in log-probabilities.</p>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-no-webgpu': MarginNoWebGpu;
  }
}
