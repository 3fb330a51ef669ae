import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { DRAFT } from '../../state/evaluation.ts';
import { base } from '../shared/styles.ts';
import { place } from './grid.ts';
import { explorerStyles } from './line-styles.ts';
import type { MapPicture } from './map-picture.ts';
import { cell } from './margin-lines.ts';
import type { View } from './view.ts';

/** Pairs listed; the pair chooser of the explorer reaches the others. */
const MOST_PAIRS = 30;
const STOPS = 5;

/**
 * The map in numbers: the shown pair, the place under the cross, all pairs, and the loss on a coarse grid.
 *
 * @property view - the pairs
 * @property picture - the map
 * @property cross - a place on it; null for none
 * @property pointed - id of the pair under the pointer
 */
@customElement('margin-map-table')
export class MarginMapTable extends LitElement {
  @property({ attribute: false }) view!: View;
  @property({ attribute: false }) picture!: MapPicture;
  @property({ attribute: false }) cross: readonly [number, number] | null = null;
  @property() pointed: string | null = null;

  static override styles = [
    base,
    explorerStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 10px;
      }
      table {
        width: 100%;
      }
      caption {
        padding-bottom: 2px;
        font-weight: 650;
        text-align: left;
      }
      details {
        overflow-x: auto;
      }
      td.large {
        font-size: 18px;
        font-weight: 600;
      }
    `,
  ];

  protected override render() {
    const { pairs } = this.view;
    const shown = pairs.find(({ id }) => id === (this.pointed ?? this.view.likeId));
    const { plane } = this.picture.landscape;
    return html`${shown ? this.renderPlace(shown.name, plane.of(shown.inputs), shown.inputs) : nothing}
      ${this.cross ? this.renderPlace('Under the cross', this.cross, plane.at(...this.cross, this.picture.like)) : nothing}
      ${this.renderPairs()} ${this.renderGrid()}`;
  }

  private renderPlace(title: string, [x, y]: readonly [number, number], pair: View['like']) {
    const { landscape } = this.picture;
    const sample = landscape.at(pair);
    const [gx, gy] = sample ? landscape.gradient(sample, pair) : [Number.NaN, Number.NaN];
    const row = (name: string, value: number, large = false) =>
      html`<tr><th scope="row">${name}</th><td class=${large ? 'large' : ''}>${cell(value)}</td></tr>`;
    const words = landscape.plane.id === 'image' ? ['true image', 'corrupted'] : ['chosen', 'rejected'];
    return html`<table>
      <caption>${title}</caption>
      <tbody>
        ${row('loss', sample?.loss ?? Number.NaN, true)} ${row(words[0], x)} ${row(words[1], y)}
        ${row(`push on ${words[0]}`, -gx)} ${row(`push on ${words[1]}`, -gy)}
      </tbody>
    </table>`;
  }

  private renderPairs() {
    const { pairs } = this.view;
    if (pairs.length === 0) return nothing;
    const { landscape } = this.picture;
    return html`<details>
      <summary>Pairs as a table</summary>
      <table>
        <thead>
          <tr><th scope="col">pair</th><th scope="col">chosen</th><th scope="col">rejected</th><th scope="col">loss</th></tr>
        </thead>
        <tbody>
          ${pairs.slice(0, MOST_PAIRS).map(({ id, name, inputs }) => {
            const [x, y] = landscape.plane.of(inputs);
            return html`<tr ?data-present=${id === this.view.likeId}>
              <th scope="row">${id === DRAFT ? 'marked' : name.replace('Pair ', '')}</th>
              <td>${cell(x)}</td><td>${cell(y)}</td><td>${cell(landscape.at(inputs)?.loss)}</td>
            </tr>`;
          })}
        </tbody>
      </table>
      ${pairs.length > MOST_PAIRS ? html`<p class="small muted">and ${pairs.length - MOST_PAIRS} more</p>` : nothing}
    </details>`;
  }

  private renderGrid() {
    const { landscape, like, domain } = this.picture;
    const stops = Array.from({ length: STOPS }, (_, i) => place(domain, i, STOPS));
    return html`<details>
      <summary>Map as a table</summary>
      <table>
        <caption class="visually-hidden">Loss; columns: ${landscape.plane.x.words}; rows: ${landscape.plane.y.words}</caption>
        <thead>
          <tr><td></td>${stops.map((x) => html`<th scope="col">${Number(x.toPrecision(3))}</th>`)}</tr>
        </thead>
        <tbody>
          ${stops.toReversed().map(
            (y) => html`<tr>
              <th scope="row">${Number(y.toPrecision(3))}</th>
              ${stops.map((x) => {
                const value = landscape.at(landscape.plane.at(x, y, like))?.loss;
                return html`<td>${value === undefined ? '–' : Number(value.toPrecision(3))}</td>`;
              })}
            </tr>`,
          )}
        </tbody>
      </table>
    </details>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-map-table': MarginMapTable;
  }
}
