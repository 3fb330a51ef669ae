import { html, LitElement, nothing, type PropertyValues } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { everyLoss, taggedLoss } from '../../kernels/losses/families/every.ts';
import type { App } from '../../state/app.ts';
import { hyperparameterValues } from '../../state/objectives.ts';
import '../objective/margin-formula.ts';
import '../objective/margin-loss-picker.ts';
import { icon } from '../shared/icons.ts';
import { FollowPointed, pointersOf } from '../shared/pointed.ts';
import { shared } from '../shared/styles.ts';
import {
  type Compared,
  type CurvePicture,
  curvePicture,
  GRADIENTS,
  type GradientId,
  valuesAt,
} from './curve-picture.ts';
import { curvesLooks } from './curves-looks.ts';
import { explorerStyles } from './line-styles.ts';
import './margin-lines.ts';
import { cell, type PlotLine, swatch } from './margin-lines.ts';
import { type Memory, memoryOf } from './memory.ts';
import { planeOf } from './plane.ts';
import { MARGINS, type MarginId, ownMargin, SLICES, type SliceId } from './slices.ts';
import { given, peculiarity, type View } from './view.ts';

/** What the vertical axes fit. */
const HEIGHTS = { present: { label: 'of the objective' }, all: { label: 'of all' } } as const;
const RANGES = [0, 1, 2, 5, 10, 20, 50, 100, 200];

/**
 * Loss and gradient against the margin for any set of objectives, on shared axes, with the pairs as dots and the values
 * under the cursor in a table.
 *
 * @property app - the page's application object
 * @property view - objective, pairs, and the pair the curves go through
 */
@customElement('margin-explorer-curves')
export class MarginExplorerCurves extends LitElement {
  @property({ attribute: false }) app!: App;
  @property({ attribute: false }) view!: View;
  @state() private cursor = 0;
  @state() private changes = 0;
  #picture!: CurvePicture;
  #pointed = new FollowPointed(this, () => this.app && pointersOf(this.app).pair);

  static override styles = [shared, explorerStyles, curvesLooks];

  get #memory(): Memory {
    return memoryOf(this.app);
  }

  get #margin(): MarginId {
    return this.#memory.margin ?? ownMargin(planeOf(this.view.every));
  }

  /** The present objective first. */
  get #compared(): Compared[] {
    const others = this.#memory.compared.filter((id) => id !== this.view.every.loss.id);
    const { settings } = this.app.store.state;
    return [
      { every: this.view.every, values: this.view.values },
      ...others.flatMap((id) => {
        const every = taggedLoss(id);
        return every ? [{ every, values: hyperparameterValues(settings, every.loss) }] : [];
      }),
    ];
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (this.#picture && changed.size > 0 && [...changed.keys()].every((key) => (key as string) === 'cursor')) return;
    const { slice, range } = this.#memory;
    this.#picture = curvePicture(this.view, this.#compared, slice, this.#margin, range);
  }

  protected override render() {
    const { gradient, fit } = this.#memory;
    const margin = this.#margin;
    const fitted = fit === 'present' ? this.view.every.loss.id : '';
    const { curves, dots, range } = this.#picture;
    const lines = (key: 'loss' | GradientId): PlotLine[] =>
      curves.map(({ every, samples }, i) => ({
        id: every.loss.id,
        label: every.loss.label,
        style: i,
        strong: i === 0,
        points: samples.map((sample) => [sample.margin, sample[key]]),
      }));
    const cursor = Math.max(-range, Math.min(range, this.cursor));
    return html`${this.renderChips()} ${this.renderControls()}
      <div class="plots" @cursor-change=${(event: CustomEvent<number>) => this.moveTo(event.detail)}>
        <margin-lines
          heading="loss"
          fitted=${fitted}
          .lines=${lines('loss')}
          .dots=${dots.map(({ id, name, margin: x, loss }) => ({ id, name, x, y: loss }))}
          .domain=${[-range, range]}
          .numbered=${false}
          .cursor=${cursor}
          .selected=${this.view.likeId}
          .pointed=${this.#pointed.id}
        ></margin-lines>
        <margin-lines heading=${GRADIENTS[gradient].heading} fitted=${fitted} .lines=${lines(gradient)} .domain=${[-range, range]} .cursor=${cursor}></margin-lines>
      </div>
      <div class="axis">
        <span><span class="muted">margin</span> <margin-formula .tex=${MARGINS[margin].tex}></margin-formula></span>
        <input
          type="range"
          aria-label="Margin under the cursor"
          min=${-range}
          max=${range}
          step=${range / 200}
          .value=${String(cursor)}
          @input=${(event: Event) => this.moveTo((event.target as HTMLInputElement).valueAsNumber)}
        />
        <output class="number" aria-label="Margin">${cell(cursor)}</output>
      </div>
      ${this.renderTable(cursor)}
      <p class="caption">${this.words()}</p>`;
  }

  private renderChips() {
    const others = this.#compared.slice(1).map(({ every }) => every.loss.id);
    const taken = [this.view.every.loss.id, ...others];
    return html`<div class="chips" role="group" aria-label="Objectives drawn">
      ${this.#compared.map(
        ({ every: { loss } }, i) => html`<span class="line-chip ${i === 0 ? 'present' : ''}">
          <button
            aria-pressed=${i === 0}
            title=${i === 0 ? 'The objective of the page' : 'Make it the objective of the page'}
            @click=${() => this.#make(loss.id)}
          >
            ${swatch(i, i === 0)} ${loss.label}
          </button>
          ${
            i === 0
              ? nothing
              : html`<button class="remove" aria-label=${`Remove ${loss.label}`} @click=${() => this.keep((ids) => ids.filter((id) => id !== loss.id))}>
                  ${icon('close')}
                </button>`
          }
        </span>`,
      )}
      <margin-loss-picker
        label="Add an objective"
        placeholder="Add an objective …"
        .losses=${everyLoss.filter(({ loss }) => !taken.includes(loss.id))}
        @loss-change=${(event: CustomEvent<string>) => this.keep((ids) => [...ids, event.detail])}
      ></margin-loss-picker>
    </div>`;
  }

  private renderControls() {
    const memory = this.#memory;
    const set = <K extends keyof Memory>(key: K, value: Memory[K]) => {
      memory[key] = value;
      this.changes += 1;
    };
    const select = <T extends string>(
      label: string,
      options: Readonly<Record<T, { readonly label: string }>>,
      value: T,
      act: (id: T) => void,
    ) => html`<label
      >${label}
      <select @change=${(event: Event) => act((event.target as HTMLSelectElement).value as T)}>
        ${(Object.keys(options) as T[]).map((id) => html`<option value=${id} ?selected=${id === value}>${options[id].label}</option>`)}
      </select></label
    >`;
    return html`<div class="bar">
      ${select('Margin of', MARGINS, this.#margin, (id: MarginId) => set('margin', id))}
      ${select('moves', SLICES, memory.slice, (id: SliceId) => set('slice', id))}
      ${select('Gradient on', GRADIENTS, memory.gradient, (id: GradientId) => set('gradient', id))}
      ${select('Height', HEIGHTS, memory.fit, (id: Memory['fit']) => set('fit', id))}
      <label
        >Range
        <select @change=${(event: Event) => set('range', Number((event.target as HTMLSelectElement).value))}>
          ${RANGES.map((each) => html`<option value=${each} ?selected=${each === memory.range}>${each === 0 ? 'whole shape' : `± ${each}`}</option>`)}
        </select></label
      >
    </div>`;
  }

  private renderTable(cursor: number) {
    const samples = valuesAt(this.#picture, this.view, cursor);
    return html`<div class="values" tabindex="0" role="group" aria-label="Values under the cursor">
      <table>
        <thead>
          <tr>
            <th scope="col">at margin ${cell(cursor)}</th>
            <th scope="col">loss</th>
            <th scope="col">gradient chosen</th>
            <th scope="col">rejected</th>
            <th scope="col">margin</th>
          </tr>
        </thead>
        <tbody>
          ${this.#picture.curves.map(
            ({ every }, i) => html`<tr ?data-present=${i === 0}>
              <th scope="row">${swatch(i, i === 0)} ${every.loss.label}</th>
              <td>${cell(samples[i]?.loss)}</td>
              <td>${cell(samples[i]?.chosen)}</td>
              <td>${cell(samples[i]?.rejected)}</td>
              <td>${cell(samples[i]?.slope)}</td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
  }

  /** What the picture takes for granted. */
  private words(): string {
    const { slice } = this.#memory;
    const margin = this.#margin;
    const all = this.#compared.map(({ every }) => every);
    const exact = all.filter(
      ({ kind, loss }) => kind === 'pairwise' && loss.curve?.exact && loss.curve.axis === MARGINS['log-ratio'].tex,
    );
    const others = all.filter((every) => !exact.includes(every));
    const along =
      margin === 'log-ratio' && others.length < all.length
        ? others.length === 0
          ? 'Every curve here depends on the margin alone.'
          : `${others.map(({ loss }) => loss.label).join(', ')}: drawn along one slice, on which ${SLICES[slice].words}; elsewhere the curve is another.`
        : `Along the slice on which ${SLICES[slice].words}.`;
    const free = all.some((every) => every.kind === 'pairwise' && every.loss.family === 'reference-free')
      ? 'Losses without a reference end where a probability would pass 1.'
      : '';
    return [along, others.length > 0 ? given(this.view) : '', ...all.map(peculiarity), free].filter(Boolean).join(' ');
  }

  #make(id: string): void {
    const present = this.view.every.loss.id;
    if (id === present) return;
    // The one that was meant so far stays in the picture.
    this.#memory.compared = this.#memory.compared.map((each) => (each === id ? present : each));
    this.app.intents.setSetting('objective', id);
  }

  private keep(change: (ids: string[]) => string[]): void {
    this.#memory.compared = change(this.#memory.compared);
    this.changes += 1;
  }

  private moveTo(margin: number): void {
    if (Number.isFinite(margin)) this.cursor = margin;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-explorer-curves': MarginExplorerCurves;
  }
}
