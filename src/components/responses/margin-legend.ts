import { css, html, LitElement } from 'lit';
import { customElement } from 'lit/decorators.js';
import { base } from '../shared/styles.ts';
import { tokenTint } from '../theme.ts';

/** Log-probabilities the scale shows, from certain to the least that is still told apart. */
const STOPS = [0, -1, -3, -6];

/** What the tint of a token means. */
@customElement('margin-legend')
export class MarginLegend extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        font-size: var(--m-size-small);
      }
      p {
        display: flex;
        align-items: center;
        gap: 3px;
        white-space: nowrap;
      }
      span.stop {
        padding: 0 4px;
        border-radius: 2px;
        font-variant-numeric: tabular-nums;
      }
    `,
  ];

  protected override render() {
    return html`<p title="Tint of a token: its log-probability, in nats">
      <span class="muted">logp</span>
      ${STOPS.map(
        (logp, i) =>
          html`<span class="stop" style=${`background:${tokenTint(logp)}`}
            >${i === STOPS.length - 1 ? '≤' : ''}${String(logp).replace('-', '−')}</span
          >`,
      )}
    </p>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-legend': MarginLegend;
  }
}
