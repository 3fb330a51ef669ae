import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { Hyperparameter } from '../../kernels/losses/objective.ts';
import type { App } from '../../state/app.ts';
import '../objective/margin-formula.ts';
import { shared } from '../shared/styles.ts';
import { curvePicture, GRADIENTS } from './curve-picture.ts';
import { knobValues } from './knob-values.ts';
import { explorerStyles } from './line-styles.ts';
import './margin-lines.ts';
import { cell, type PlotLine } from './margin-lines.ts';
import { memoryOf } from './memory.ts';
import { planeOf } from './plane.ts';
import { MARGINS, ownMargin } from './slices.ts';
import { given, landscapeIn, peculiarity, type View } from './view.ts';

/**
 * What turning one knob does: the objective's curves at several of its values, the present one heavy, and a table with
 * loss and gradient of the shown pair at each.
 *
 * @property app - the page's application object
 * @property view - objective, pairs, and the pair the curves go through
 */
@customElement('margin-explorer-sensitivity')
export class MarginExplorerSensitivity extends LitElement {
  @property({ attribute: false }) app!: App;
  @property({ attribute: false }) view!: View;
  @state() private knob = '';

  static override styles = [
    shared,
    explorerStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 8px;
        min-height: 0;
      }
      .plots {
        flex: 1;
        display: grid;
        grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
        gap: 14px;
        min-height: 260px;
      }
      .axis {
        text-align: center;
      }
      .symbol {
        font-family: var(--m-font-serif);
        font-size: 18px;
        font-style: italic;
      }
      table {
        align-self: start;
      }
      td button {
        min-height: 26px;
        padding: 1px 9px;
      }
    `,
  ];

  protected override render() {
    const { hyperparameters, label } = this.view.every.loss;
    if (hyperparameters.length === 0) return html`<p class="caption">${label} has no knob to turn.</p>`;
    const knob = hyperparameters.find(({ key }) => key === this.knob) ?? hyperparameters[0];
    const values = knobValues(knob, this.view.values);
    const { slice } = memoryOf(this.app);
    // One objective alone stands on its own axis, where its pairs stand on its curve.
    const margin = ownMargin(planeOf(this.view.every));
    const compared = values.map((value) => ({
      every: this.view.every,
      values: { ...this.view.values, [knob.key]: value },
    }));
    const present = values.indexOf(this.view.values[knob.key]);
    // The present value comes first: its losses are those of the dots.
    const order = [present, ...values.map((_, i) => i).filter((i) => i !== present)];
    const picture = curvePicture(
      this.view,
      order.map((i) => compared[i]),
      slice,
      margin,
    );
    const lines = (key: 'loss' | 'slope'): PlotLine[] =>
      picture.curves.map(({ samples }, i) => ({
        id: String(values[order[i]]),
        label: `${knob.symbol} = ${values[order[i]]}`,
        style: order[i] + 1,
        strong: i === 0,
        points: samples.map((sample) => [sample.margin, sample[key]]),
      }));
    const domain = [-picture.range, picture.range] as const;
    return html`<div class="bar">
        <span id="knob">Knob</span>
        <div class="choice" role="group" aria-labelledby="knob">
          ${hyperparameters.map(
            (each) => html`<button aria-pressed=${each === knob} title=${each.doc} @click=${() => {
              this.knob = each.key;
            }}>
              <span class="symbol">${each.symbol}</span> ${each.word}
            </button>`,
          )}
        </div>
        <span class="small muted">${knob.doc}</span>
      </div>
      <div class="plots">
        <margin-lines
          heading="loss"
          named
          .lines=${lines('loss')}
          .dots=${picture.dots.map(({ id, name, margin: x, loss }) => ({ id, name, x, y: loss }))}
          .domain=${domain}
          .selected=${this.view.likeId}
        ></margin-lines>
        <margin-lines heading=${GRADIENTS.slope.heading} named .lines=${lines('slope')} .domain=${domain}></margin-lines>
      </div>
      <div class="axis"><span class="muted">margin</span> <margin-formula .tex=${MARGINS[margin].tex}></margin-formula></div>
      ${this.renderTable(knob, values)}
      <p class="caption">${given(this.view)} ${peculiarity(this.view.every)}</p>`;
  }

  private renderTable(knob: Hyperparameter, values: readonly number[]) {
    const { like, likeName, every } = this.view;
    return html`<table>
      <caption class="visually-hidden">${likeName} at values of ${knob.word}</caption>
      <thead>
        <tr>
          <th scope="col">${knob.symbol} ${knob.word}</th>
          <th scope="col">loss of ${likeName}</th>
          <th scope="col">gradient chosen</th>
          <th scope="col">rejected</th>
          <td></td>
        </tr>
      </thead>
      <tbody>
        ${values.map((value) => {
          const landscape = landscapeIn(this.view, every, { ...this.view.values, [knob.key]: value });
          const sample = landscape.at(like);
          const now = value === this.view.values[knob.key];
          return html`<tr ?data-present=${now}>
            <th scope="row">${value}</th>
            <td>${cell(sample?.loss)}</td>
            <td>${cell(sample?.chosen)}</td>
            <td>${cell(landscape.plane.id === 'image' ? sample?.corrupted : sample?.rejected)}</td>
            <td>
              ${
                now
                  ? 'now'
                  : html`<button aria-label=${`Set ${knob.word} to ${value}`} @click=${() => this.app.intents.setHyperparameter(every.loss.id, knob.key, value)}>Set</button>`
              }
            </td>
          </tr>`;
        })}
      </tbody>
    </table>
    ${values.length === 1 ? html`<p class="small muted">Its other values are refused beside the present knobs.</p>` : nothing}`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-explorer-sensitivity': MarginExplorerSensitivity;
  }
}
