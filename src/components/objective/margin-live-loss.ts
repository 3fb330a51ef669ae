import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { PairEvaluation, PairRow } from '../../engine/engine.ts';
import { count, number } from '../shared/format.ts';
import { base } from '../shared/styles.ts';
import type { Figures } from './figures.ts';

/** The four numbers people come for: page label, TRL's name, and the mark that stands for its colour. */
const MAIN = [
  { label: 'Loss', trl: 'loss', tone: '' },
  { label: 'Reward chosen', trl: 'rewards/chosen', tone: 'chosen' },
  { label: 'Reward rejected', trl: 'rewards/rejected', tone: 'rejected' },
  { label: 'Reward margin', trl: 'rewards/margins', tone: '' },
] as const;

const FURTHER = [
  { label: 'Reward accuracy', trl: 'rewards/accuracies', digits: 3 },
  { label: 'Log-probability chosen', trl: 'logps/chosen', digits: 3 },
  { label: 'Log-probability rejected', trl: 'logps/rejected', digits: 3 },
] as const;

/**
 * The live numbers under TRL's names: batch means, and the pair that is marked, selected or pointed at.
 *
 * @property figures - rows and their evaluation
 * @property pairId - the pair to show beside the means; absent for none
 * @property pairName - how that pair is called
 */
@customElement('margin-live-loss')
export class MarginLiveLoss extends LitElement {
  @property({ attribute: false }) figures!: Figures;
  @property() pairId: string | null = null;
  @property() pairName = '';

  static override styles = [
    base,
    css`
      section {
        border-top: 1px solid var(--m-line);
        padding-top: 6px;
      }
      section + section {
        margin-top: 6px;
      }
      .main {
        display: grid;
        grid-template-columns: repeat(4, minmax(0, 1fr));
        gap: 0 10px;
      }
      .cell {
        min-width: 0;
      }
      .label {
        display: block;
        font-size: 14px;
        white-space: nowrap;
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .label.chosen::before {
        content: '✓ ';
        color: var(--m-chosen);
      }
      .label.rejected::before {
        content: '✕ ';
        color: var(--m-rejected);
      }
      output {
        display: block;
        font-size: var(--m-size-number);
        font-weight: 600;
        line-height: 1.2;
        letter-spacing: -0.02em;
        white-space: nowrap;
      }
      output.chosen {
        color: var(--m-chosen);
      }
      output.rejected {
        color: var(--m-rejected);
      }
      .trl {
        display: block;
        overflow: hidden;
        text-overflow: ellipsis;
        color: var(--m-muted);
        font: 12px/1.4 var(--m-font-mono);
        white-space: nowrap;
      }
      .further {
        display: flex;
        flex-wrap: wrap;
        gap: 0 14px;
        margin-top: 4px;
        font-size: var(--m-size-small);
      }
      .further output {
        display: inline;
        font-size: 15px;
      }
      .further .trl {
        display: inline;
      }
      .pair output {
        font-size: 18px;
      }
      .pair .label {
        color: var(--m-muted);
        font-size: 12px;
      }
    `,
  ];

  protected override render() {
    const { evaluation, rows, error } = this.figures;
    const batch = evaluation?.batch;
    const index = this.pairId === null ? -1 : this.figures.ids.indexOf(this.pairId);
    const pair = evaluation?.pairs[index];
    return html`<section role="region" aria-labelledby="live">
        <div class="spread">
          <h2 id="live">Live loss</h2>
          <span class="muted small">
            ${
              evaluation
                ? `mean of ${count(rows.length, 'pair')}, ${evaluation.backend === 'wgsl' ? 'WGSL kernel' : 'float64 reference'}`
                : ''
            }
          </span>
        </div>
        <div class="main">
          ${MAIN.map(
            ({ label, trl, tone }) =>
              html`<div class="cell">
                <span class="label ${tone}" aria-hidden="true">${label}</span>
                <output class=${tone} aria-label=${label} title=${batch?.[trl] ?? ''}>${number(batch?.[trl], 4)}</output>
                <span class="trl">${trl}</span>
              </div>`,
          )}
        </div>
        <div class="further">
          ${FURTHER.map(
            ({ label, trl, digits }) =>
              html`<span><span class="trl">${trl}</span> <output aria-label=${label} title=${batch?.[trl] ?? ''}>${number(batch?.[trl], digits)}</output></span>`,
          )}
        </div>
        ${error ? html`<p class="small" role="status">${error}</p>` : nothing}
      </section>
      ${pair ? this.renderPair(pair, rows[index]) : nothing}`;
  }

  private renderPair(pair: PairEvaluation, row: PairRow) {
    const cells = [
      { label: 'loss', value: pair.loss, tone: '' },
      { label: 'chosen', value: pair.rewards.chosen, tone: 'chosen' },
      { label: 'rejected', value: pair.rewards.rejected, tone: 'rejected' },
      { label: 'margin', value: pair.margin, tone: '' },
    ];
    return html`<section class="pair" role="region" aria-label=${this.pairName}>
      <div class="spread">
        <h3>${this.pairName}</h3>
        <span class="muted small number">logps ${number(row.chosen, 2)} over ${number(row.rejected, 2)}</span>
      </div>
      <div class="main">
        ${cells.map(
          ({ label, value, tone }) =>
            html`<div class="cell"><output class=${tone} aria-label=${`This pair, ${label}`} title=${value}>${number(value, 4)}</output></div>`,
        )}
      </div>
    </section>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-live-loss': MarginLiveLoss;
  }
}
