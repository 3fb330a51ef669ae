import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { LoadProgress, LoadStage } from '../../engine/engine.ts';
import { bytes } from '../shared/format.ts';
import { icon } from '../shared/icons.ts';
import { base, buttons } from '../shared/styles.ts';

const STAGES: Record<LoadStage, string> = {
  download: 'Loading',
  compile: 'Compiling',
  check: 'Checking',
  'warm-up': 'Warming up',
};

/** "Loading model.safetensors" and "3.1 MiB of 12 MiB". */
export function progressText(progress: LoadProgress | null): { what: string; amount: string } {
  if (!progress) return { what: 'Starting the engine…', amount: '' };
  const { stage, item, done, total } = progress;
  const amount =
    stage === 'download'
      ? total > 0
        ? `${bytes(done)} of ${bytes(total)}`
        : bytes(done)
      : total > 0
        ? `${done} of ${total}`
        : '';
  return { what: `${STAGES[stage]} ${item}`, amount };
}

/**
 * One line with a bar while the models load.
 *
 * @property progress - the newest report of the engine, or null before the first
 * @fires cancel-load - the person does not want to wait
 */
@customElement('margin-load-progress')
export class MarginLoadProgress extends LitElement {
  @property({ attribute: false }) progress: LoadProgress | null = null;

  static override styles = [
    base,
    buttons,
    css`
      :host {
        display: flex;
        align-items: center;
        gap: 12px;
        min-width: 0;
        font-size: var(--m-size-small);
      }
      progress {
        flex: none;
        width: 96px;
        height: 8px;
        accent-color: var(--m-accent);
      }
      span {
        white-space: nowrap;
      }
      .what {
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .amount {
        flex: none;
        font-variant-numeric: tabular-nums;
      }
    `,
  ];

  protected override render() {
    const { what, amount } = progressText(this.progress);
    const { done = 0, total = 0 } = this.progress ?? {};
    return html`${
      total > 0
        ? html`<progress aria-label="Loading the models" max=${total} value=${done}></progress>`
        : html`<progress aria-label="Loading the models"></progress>`
    }
      <span class="what" title=${what}>${what}</span>
      ${amount ? html`<span class="amount">${amount}</span>` : nothing}
      <button
        class="quiet icon"
        aria-label="Cancel loading"
        title="Cancel loading"
        @click=${() => this.dispatchEvent(new CustomEvent('cancel-load', { bubbles: true, composed: true }))}
      >
        ${icon('stop')}
      </button>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-load-progress': MarginLoadProgress;
  }
}
