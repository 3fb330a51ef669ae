import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { PairEvaluation, PairRow } from '../../engine/engine.ts';
import { DRAFT } from '../../state/evaluation.ts';
import { count, number } from '../shared/format.ts';
import { base } from '../shared/styles.ts';
import type { Figures } from './figures.ts';

/** The four numbers people come for: accessible name, TRL's name, which is also what is printed, and colour. */
const MAIN = [
  { label: 'Loss', trl: 'loss', tone: '' },
  { label: 'Reward chosen', trl: 'rewards/chosen', tone: 'chosen' },
  { label: 'Reward rejected', trl: 'rewards/rejected', tone: 'rejected' },
  { label: 'Reward margin', trl: 'rewards/margins', tone: '' },
] as const;

const FURTHER = [
  { label: 'Reward accuracy', trl: 'rewards/accuracies' },
  { label: 'Log-probability chosen', trl: 'logps/chosen' },
  { label: 'Log-probability rejected', trl: 'logps/rejected' },
] as const;

/** Four, or fewer where a large number would run into its neighbour. */
function decimals(value = 0): number {
  const digits = Math.floor(Math.log10(Math.max(1, Math.abs(value))));
  return Math.max(0, Math.min(4, 5 - digits));
}

/**
 * The live numbers under TRL's names: batch means, and the pair that is marked, selected or pointed at.
 *
 * @property figures - rows and their evaluation
 * @property pairId - the pair to show beside the means; absent for none
 * @property pairName - how that pair is called
 * @property total - pairs there are, scored or not
 */
@customElement('margin-live-loss')
export class MarginLiveLoss extends LitElement {
  @property({ attribute: false }) figures!: Figures;
  @property() pairId: string | null = null;
  @property() pairName = '';
  @property({ type: Number }) total = 0;

  static override styles = [
    base,
    css`
      :host {
        container-type: inline-size;
      }
      section {
        border-top: 1px solid var(--m-line);
        padding-top: 6px;
      }
      section + section {
        margin-top: 6px;
      }
      .main,
      .further {
        display: grid;
        grid-template-columns: minmax(0, 0.95fr) repeat(3, minmax(0, 1fr));
        gap: 0 5px;
      }
      .further {
        grid-template-columns: 1.2fr 1fr 1fr;
        margin-top: 3px;
      }
      .label {
        display: block;
        overflow: hidden;
        text-overflow: ellipsis;
        color: var(--m-muted);
        font-size: 12px;
        white-space: nowrap;
      }
      output {
        display: block;
        font-size: var(--m-size-number);
        font-weight: 600;
        line-height: 1.2;
        letter-spacing: -0.02em;
        white-space: nowrap;
      }
      .chosen {
        color: var(--m-chosen);
      }
      .rejected {
        color: var(--m-rejected);
      }
      @container (max-width: 430px) {
        .label {
          font-size: 11.5px;
          letter-spacing: -0.02em;
        }
        output {
          font-size: 20px;
        }
      }
      .further output {
        font-size: 15px;
      }
      .pair output {
        font-size: 18px;
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
            ${evaluation ? `mean of ${this.counted()}, ${evaluation.backend === 'wgsl' ? 'WGSL' : 'float64'}` : ''}
          </span>
        </div>
        <div class="main">
          ${MAIN.map(({ label, trl, tone }) => this.renderCell(label, trl, tone, batch?.[trl]))}
        </div>
        <div class="further">
          ${FURTHER.map(({ label, trl }) => this.renderCell(label, trl, '', batch?.[trl]))}
        </div>
        ${error ? html`<p class="small" role="status">${error}</p>` : nothing}
      </section>
      ${pair && rows.length > 1 ? this.renderPair(pair, rows[index]) : nothing}`;
  }

  /** The exact number is in the tooltip. */
  private renderCell(label: string, printed: string, tone: string, value: number | undefined) {
    return html`<div>
      ${printed ? html`<span class="label ${tone}" aria-hidden="true">${printed}</span>` : nothing}
      <output class=${tone} aria-label=${label} title=${value ?? ''}>${number(value, decimals(value))}</output>
    </div>`;
  }

  /** What the means are over, in words. */
  private counted(): string {
    const { ids } = this.figures;
    const draft = ids.includes(DRAFT);
    const scored = ids.length - (draft ? 1 : 0);
    if (draft && scored === 0) return 'the marked pair';
    const pairs = scored < this.total ? `${scored} of ${count(this.total, 'pair')}` : count(scored, 'pair');
    return draft ? `${pairs} + marked` : pairs;
  }

  private renderPair(pair: PairEvaluation, row: PairRow) {
    return html`<section class="pair" role="region" aria-label=${this.pairName}>
      <div class="spread">
        <h3>${this.pairName}</h3>
        <span class="muted small number">logps ${number(row.chosen, 2)} over ${number(row.rejected, 2)}</span>
      </div>
      <div class="main">
        ${this.renderCell('This pair, loss', '', '', pair.loss)}
        ${this.renderCell('This pair, chosen', '', 'chosen', pair.rewards.chosen)}
        ${this.renderCell('This pair, rejected', '', 'rejected', pair.rewards.rejected)}
        ${this.renderCell('This pair, margin', '', '', pair.margin)}
      </div>
    </section>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-live-loss': MarginLiveLoss;
  }
}
