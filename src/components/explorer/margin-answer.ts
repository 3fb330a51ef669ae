import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import '../objective/margin-formula.ts';
import { base } from '../shared/styles.ts';
import type { AnswerPicture } from './answer-picture.ts';
import { explorerStyles } from './line-styles.ts';
import './margin-lines.ts';
import { cell, type PlotLine } from './margin-lines.ts';

const POINTS = 241;

/**
 * The picture of one answer, token, score or batch, with the values under the cursor in a table.
 *
 * @property picture - what is drawn
 * @property compact - the upper picture alone, its values for assistive technology only: for the objective panel
 * @property pointed - id of the pair under the pointer, here or elsewhere
 * @property selected - id of the shown pair
 * @fires point-pair - detail: id or null
 * @fires select-pair - detail: id
 */
@customElement('margin-answer')
export class MarginAnswer extends LitElement {
  @property({ attribute: false }) picture!: AnswerPicture;
  @property({ type: Boolean, reflect: true }) compact = false;
  @property() pointed: string | null = null;
  @property() selected: string | null = null;
  @state() private cursor: number | null = null;

  static override styles = [
    base,
    explorerStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 4px;
        min-height: 0;
      }
      .plots {
        flex: 1;
        display: grid;
        grid-template-rows: minmax(130px, 3fr) minmax(100px, 2fr);
        gap: 2px;
      }
      .plots.one {
        grid-template-rows: 1fr;
      }
      .axis {
        display: grid;
        grid-template-columns: max-content minmax(60px, 1fr);
        gap: 10px;
        align-items: center;
      }
      .axis input {
        width: 100%;
        accent-color: var(--m-accent);
      }
      :host([compact]) .plots {
        min-height: 150px;
      }
      :host([compact]) .axis {
        display: block;
        text-align: center;
      }
      :host([compact]) .caption {
        font-size: 13px;
      }
      .chosen {
        color: var(--m-chosen);
      }
      .rejected {
        color: var(--m-rejected);
      }
    `,
  ];

  protected override render() {
    const { picture } = this;
    const [min, max] = picture.domain;
    const cursor = Math.max(min, Math.min(max, this.cursor ?? (min + max) / 2));
    const upper = picture.headings[0];
    const lower = this.compact ? undefined : picture.headings[1];
    const draw = (key: 'loss' | 'gradient'): PlotLine[] =>
      picture.traces.map((trace) => ({
        id: `${key}-${trace.id}`,
        label: trace.label,
        style: trace.tone,
        points: Array.from({ length: POINTS }, (_, i) => min + ((max - min) * i) / (POINTS - 1))
          .map((x) => [x, trace.at(x)[key]] as const)
          .filter(([, y]) => Number.isFinite(y)),
      }));
    return html`<div class="plots ${lower ? '' : 'one'}" @cursor-change=${(event: CustomEvent<number>) => {
      this.cursor = event.detail;
    }}>
        <margin-lines
          heading=${upper}
          .lines=${draw('loss')}
          .dots=${picture.dots}
          .bands=${picture.bands}
          .domain=${picture.domain}
          .numbered=${!lower}
          .cursor=${this.compact ? null : cursor}
          .selected=${this.selected}
          .pointed=${this.pointed}
        ></margin-lines>
        ${
          lower
            ? html`<margin-lines heading=${lower} .lines=${draw('gradient')} .bands=${picture.bands.map((band) => ({ ...band, label: '' }))} .domain=${picture.domain} .cursor=${cursor}></margin-lines>`
            : nothing
        }
      </div>
      <div class="axis">
        <margin-formula .tex=${picture.tex}></margin-formula>
        ${
          this.compact
            ? html`<span class="muted small">${picture.words}</span>`
            : html`<input
          type="range"
          aria-label=${picture.words}
          min=${min}
          max=${max}
          step=${(max - min) / 400}
          .value=${String(cursor)}
          @input=${(event: Event) => {
            this.cursor = (event.target as HTMLInputElement).valueAsNumber;
          }}
        />`
        }
      </div>
      ${this.renderTable(cursor)}
      <p class="caption">${picture.caption}</p>`;
  }

  private renderTable(cursor: number) {
    const { traces, headings } = this.picture;
    return html`<table class=${this.compact ? 'visually-hidden' : ''}>
      <thead>
        <tr>
          <th scope="col">at ${cell(cursor)}</th>
          ${traces.map(({ label, tone }) => html`<th scope="col" class=${tone}>${tone === 'chosen' ? '—' : '- -'} ${label}</th>`)}
        </tr>
      </thead>
      <tbody>
        <tr><th scope="row">${headings[1] ? 'loss' : 'value'}</th>${traces.map((trace) => html`<td>${cell(trace.at(cursor).loss)}</td>`)}</tr>
        ${
          headings[1]
            ? html`<tr><th scope="row">gradient</th>${traces.map((trace) => html`<td>${cell(trace.at(cursor).gradient)}</td>`)}</tr>`
            : nothing
        }
      </tbody>
    </table>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-answer': MarginAnswer;
  }
}
