import { html, LitElement, nothing, svg } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { classMap } from 'lit/directives/class-map.js';
import type { PairInputs } from '../../kernels/losses/inputs.ts';
import type { HyperparameterValues } from '../../kernels/losses/objective.ts';
import { number } from '../shared/format.ts';
import { base } from '../shared/styles.ts';
import { curveStyles } from './curve-styles.ts';
import './margin-formula.ts';
import {
  type CurvePoint,
  curvePoints,
  type Drawable,
  extent,
  linear,
  rangeFor,
  type Scale,
  ticks,
  tickText,
} from './plot.ts';

/** A pair as a dot. */
export interface Dot {
  readonly id: string;
  readonly name: string;
  readonly inputs: PairInputs;
  readonly loss: number;
}

const LEFT = 50;
const RIGHT = 12;
const TOP = 8;
const GAP = 24;
const TICKS_BELOW = 20;

/**
 * Loss against the margin, its gradients below, and every pair as a dot. Arrow keys move from dot to dot.
 *
 * @property objective - what is drawn
 * @property values - its hyperparameters, batch statistics included
 * @property dots - the pairs
 * @property like - the pair the curve is drawn through where the margin alone does not fix the loss
 * @property pointed - id of the dot under the pointer or the focus, here or elsewhere on the page
 * @property selected - id of the selected pair
 * @fires point-pair - detail: id or null
 * @fires select-pair - detail: id
 */
@customElement('margin-curve')
export class MarginCurve extends LitElement {
  @property({ attribute: false }) objective!: Drawable;
  @property({ attribute: false }) values: HyperparameterValues = {};
  @property({ attribute: false }) dots: readonly Dot[] = [];
  @property({ attribute: false }) like: PairInputs | undefined;
  @property() pointed: string | null = null;
  @property() selected: string | null = null;
  @state() private width = 400;
  @state() private height = 230;
  #resize = new ResizeObserver(([entry]) => {
    const { width, height } = entry.contentRect;
    this.width = Math.max(220, Math.round(width));
    this.height = Math.max(150, Math.round(height));
  });

  static override styles = [base, curveStyles];

  override connectedCallback(): void {
    super.connectedCallback();
    void this.updateComplete.then(() => {
      const plot = this.renderRoot.querySelector('.plot');
      if (plot && this.isConnected) this.#resize.observe(plot);
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resize.disconnect();
  }

  protected override render() {
    const { objective, values, width, height } = this;
    const margins = this.dots.map(({ inputs }) => objective.curve.margin(inputs, values));
    const range = rangeFor(objective, values, margins.filter(Number.isFinite), this.like);
    const points = curvePoints(objective, values, range, this.like);
    if (points.length < 2)
      return html`<p class="muted small">This objective cannot be drawn at these hyperparameters.</p>`;
    const inner = height - TOP - GAP - TICKS_BELOW;
    const split = TOP + Math.round(inner * 0.64);
    const x = linear([-range, range], LEFT, width - RIGHT);
    const loss = linear(
      extent([...points.map((point) => point.loss), ...this.dots.map((dot) => dot.loss)], [0]),
      split,
      TOP,
    );
    const slope = linear(
      extent(
        points.flatMap(({ chosen, rejected }) => [chosen, rejected]),
        [0],
        0.1,
      ),
      height - TICKS_BELOW,
      split + GAP,
    );
    return html`<div class="plot">
        <svg
          viewBox="0 0 ${width} ${height}"
          role="group"
          aria-label=${`${objective.label}: loss and gradients against the margin, with ${this.dots.length} pairs as dots`}
          @keydown=${this.onKey}
          @pointerleave=${() => this.point(null)}
        >
          ${this.renderGrid(x, loss, Math.max(3, Math.round((split - TOP) / 34)))}
          ${this.renderGrid(x, slope, Math.max(3, Math.round((height - TICKS_BELOW - split - GAP) / 28)), true)}
          ${this.renderLine(points, x, loss, 'loss', '')}
          ${this.renderLine(points, x, slope, 'chosen', 'chosen')}
          ${this.renderLine(points, x, slope, 'rejected', 'rejected')}
          <text class="title" x=${width - RIGHT - 6} y=${TOP + 14} text-anchor="end">loss</text>
          <text class="title" x=${width - RIGHT - 6} y=${split + GAP - 5} text-anchor="end">
            gradient on <tspan class="chosen-text">chosen —</tspan> <tspan class="rejected-text">rejected - -</tspan>
          </text>
          ${this.dots.map((dot, i) => this.renderDot(dot, x(margins[i]), loss(dot.loss)))}
          ${this.renderPile(margins, x, loss)}
        </svg>
      </div>
      <div class="axis small" style=${`--plot-left:${LEFT}px`}><span class="muted">margin</span> <margin-formula .tex=${objective.curve.axis}></margin-formula></div>
      ${
        objective.curve.exact
          ? nothing
          : html`<p class="muted small">
            Drawn through ${this.like ? 'the selected pair' : 'an example pair'}: this loss depends on more than the margin,
            so other dots may lie off the line.
          </p>`
      }`;
  }

  private renderGrid(x: Scale, y: Scale, rows: number, labelled = false) {
    const [left, right] = [x(x.domain[0]), x(x.domain[1])];
    const [bottom, top] = [y(y.domain[0]), y(y.domain[1])];
    const across = ticks(x.domain[0], x.domain[1], Math.max(4, Math.round((right - left) / 75)));
    const up = ticks(y.domain[0], y.domain[1], rows);
    return svg`<g aria-hidden="true">
      ${up.map(
        (
          value,
        ) => svg`<line class=${Math.abs(value) < 1e-12 ? 'zero' : 'grid'} x1=${left} x2=${right} y1=${y(value)} y2=${y(value)}></line>
          <text x=${left - 7} y=${y(value) + 4} text-anchor="end">${tickText(value, up[1] - up[0])}</text>`,
      )}
      ${across.map(
        (
          value,
        ) => svg`<line class=${Math.abs(value) < 1e-12 ? 'zero' : 'grid'} x1=${x(value)} x2=${x(value)} y1=${bottom} y2=${top}></line>
          ${labelled ? svg`<text x=${x(value)} y=${bottom + 16} text-anchor="middle">${tickText(value, across[1] - across[0])}</text>` : nothing}`,
      )}
    </g>`;
  }

  private renderLine(
    points: readonly CurvePoint[],
    x: Scale,
    y: Scale,
    key: 'loss' | 'chosen' | 'rejected',
    tone: string,
  ) {
    const path = points.map((point) => `${x(point.margin).toFixed(1)},${y(point[key]).toFixed(1)}`).join(' ');
    return svg`<polyline class=${`line ${tone}`} data-line=${key} points=${path}></polyline>`;
  }

  private renderDot(dot: Dot, cx: number, cy: number) {
    if (!Number.isFinite(cx) || !Number.isFinite(cy)) return nothing;
    const selected = dot.id === this.selected;
    const home = this.dots.some(({ id }) => id === this.selected) ? selected : dot === this.dots[0];
    const margin = this.objective.curve.margin(dot.inputs, this.values);
    return svg`<circle
      class=${classMap({ dot: true, selected, pointed: dot.id === this.pointed })}
      data-id=${dot.id}
      cx=${cx} cy=${cy} r=${selected ? 7 : 6}
      role="button"
      tabindex=${home ? 0 : -1}
      aria-pressed=${selected}
      aria-label=${`${dot.name}: margin ${number(margin, 3)}, loss ${number(dot.loss, 4)}`}
      @pointerenter=${() => this.point(dot.id)}
      @focus=${() => this.point(dot.id)}
      @blur=${() => this.point(null)}
      @click=${() => this.select(dot.id)}
    ><title>${dot.name}: margin ${number(margin, 3)}, loss ${number(dot.loss, 4)}</title></circle>`;
  }

  /** Dots that cover each other get a count, or several pairs would look like one. */
  private renderPile(margins: readonly number[], x: Scale, y: Scale) {
    const piles = new Map<string, { cx: number; cy: number; count: number }>();
    this.dots.forEach((dot, i) => {
      const [cx, cy] = [x(margins[i]), y(dot.loss)];
      const key = `${Math.round(cx / 4)},${Math.round(cy / 4)}`;
      const pile = piles.get(key) ?? { cx, cy, count: 0 };
      pile.count += 1;
      piles.set(key, pile);
    });
    return [...piles.values()]
      .filter(({ count }) => count > 1)
      .map(({ cx, cy, count }) => svg`<text aria-hidden="true" x=${cx + 11} y=${cy - 8}>${count} pairs</text>`);
  }

  private onKey(event: KeyboardEvent): void {
    const id = (event.target as Element).getAttribute('data-id');
    const at = this.dots.findIndex((dot) => dot.id === id);
    if (at < 0) return;
    const to = {
      ArrowRight: at + 1,
      ArrowDown: at + 1,
      ArrowLeft: at - 1,
      ArrowUp: at - 1,
      Home: 0,
      End: this.dots.length - 1,
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      const next = this.dots[(to + this.dots.length) % this.dots.length];
      this.renderRoot.querySelector<SVGElement>(`[data-id="${CSS.escape(next.id)}"]`)?.focus();
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      this.select(this.dots[at].id);
    }
  }

  private point(id: string | null): void {
    this.dispatchEvent(new CustomEvent('point-pair', { detail: id, bubbles: true, composed: true }));
  }

  private select(id: string): void {
    this.dispatchEvent(new CustomEvent('select-pair', { detail: id, bubbles: true, composed: true }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-curve': MarginCurve;
  }
}
