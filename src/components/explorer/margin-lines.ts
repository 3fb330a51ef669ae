import { html, LitElement, nothing, svg } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { extent, linear, type Scale, ticks, tickText } from '../objective/plot.ts';
import { number } from '../shared/format.ts';
import { base } from '../shared/styles.ts';
import { lineStyle } from './line-styles.ts';
import { linesStyles } from './lines-looks.ts';
import { spread } from './spread.ts';

/** One line of a picture. */
export interface PlotLine {
  readonly id: string;
  /** Written at its end where the picture names its lines. */
  readonly label: string;
  /** Place among `LINE_STYLES`, or the tone of the answer it belongs to. */
  readonly style: number | 'chosen' | 'rejected';
  readonly points: readonly (readonly [x: number, y: number])[];
  /** The one that is meant, among its neighbours. */
  readonly strong?: boolean;
}

/** A pair, or an answer, as a dot. */
export interface PlotDot {
  readonly id: string;
  readonly name: string;
  readonly x: number;
  readonly y: number;
  /** Orange cross instead of a ring: the rejected answer. */
  readonly tone?: 'chosen' | 'rejected';
}

/** A stretch of the axis with a name, shaded. */
export interface PlotBand {
  readonly from: number;
  readonly to: number;
  readonly label: string;
}

const RIGHT = 16;
/** Room for the heading: lines would run through it inside. */
const TOP = 26;
const BOTTOM = 24;
/** Pointers hit a dot from this far, in pixels. */
const REACH = 14;

/**
 * Lines over one axis, with dots, shaded stretches and a rule under the cursor. Drawn as few elements however many dots
 * there are; values stand in the table that every user of this element puts beside it.
 *
 * @property heading - what the vertical axis is, printed above it and spoken
 * @property domain - ends of the horizontal axis
 * @property include - values the vertical axis must show
 * @property fitted - id of the line that the vertical axis fits; empty fits all of them
 * @property named - whether lines have their labels at their right ends
 * @property cursor - where the rule stands; null for none
 * @property numbered - whether the horizontal axis has numbers
 * @fires cursor-change - detail: the number under the pointer
 * @fires point-pair - detail: id of the dot under the pointer, or null
 * @fires select-pair - detail: id of the pressed dot
 */
@customElement('margin-lines')
export class MarginLines extends LitElement {
  @property() heading = '';
  @property({ attribute: false }) lines: readonly PlotLine[] = [];
  @property({ attribute: false }) dots: readonly PlotDot[] = [];
  @property({ attribute: false }) bands: readonly PlotBand[] = [];
  @property({ attribute: false }) domain: readonly [number, number] = [-1, 1];
  @property({ attribute: false }) include: readonly number[] = [0];
  @property() fitted = '';
  @property({ type: Boolean }) named = false;
  @property({ type: Boolean }) numbered = true;
  @property({ attribute: false }) cursor: number | null = null;
  @property() selected: string | null = null;
  @property() pointed: string | null = null;
  @state() private width = 500;
  @state() private height = 220;
  #x: Scale = linear([-1, 1], 0, 1);
  #y: Scale = linear([-1, 1], 0, 1);
  #resize = new ResizeObserver(([entry]) => {
    this.width = Math.max(220, Math.round(entry.contentRect.width));
    this.height = Math.max(100, Math.round(entry.contentRect.height));
  });

  static override styles = [base, linesStyles];

  override connectedCallback(): void {
    super.connectedCallback();
    this.#resize.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resize.disconnect();
  }

  protected override render() {
    const { width, height, lines, dots } = this;
    const bottom = this.numbered ? BOTTOM : 8;
    const left = 58;
    const right = this.named ? 92 : RIGHT;
    const fitted = lines.filter(({ id }) => !this.fitted || id === this.fitted);
    const ys = fitted.flatMap(({ points }) => points.map(([, y]) => y));
    const domain = extent([...ys, ...dots.map(({ y }) => y)], this.include);
    const x = linear(this.domain, left, width - right);
    const y = linear(domain[1] > domain[0] ? domain : [domain[0] - 1, domain[1] + 1], height - bottom, TOP);
    this.#x = x;
    this.#y = y;
    const words = `${this.heading}: ${lines.map(({ label }) => label).join(', ')}${dots.length > 0 ? `; ${dots.length} dots` : ''}. The numbers are in the table.`;
    return html`<svg
      viewBox="0 0 ${width} ${height}"
      role="img"
      aria-label=${words}
      @pointermove=${this.onMove}
      @pointerleave=${() => this.fire('point-pair', null)}
      @click=${this.onClick}
    >
      ${this.bands.map((band) => this.renderBand(band, x, y))} ${this.renderGrid(x, y)}
      <clipPath id="inside"><rect x=${left} y=${TOP - 3} width=${Math.max(0, width - left - right)} height=${Math.max(0, height - bottom - TOP + 6)}></rect></clipPath>
      <g clip-path="url(#inside)">
        ${[...lines].sort((a, b) => Number(a.strong ?? false) - Number(b.strong ?? false)).map((line) => this.renderLine(line, x, y))}
      </g>
      ${this.named ? this.renderNames(x, y) : nothing} ${this.renderCursor(x, y)} ${this.renderDots(x, y)}
      <text class="title" x=${left} y=${TOP - 10}>${this.heading}</text>
    </svg>`;
  }

  private renderGrid(x: Scale, y: Scale) {
    const [left, right] = [x(x.domain[0]), x(x.domain[1])];
    const [low, top] = [y(y.domain[0]), y(y.domain[1])];
    const up = ticks(y.domain[0], y.domain[1], Math.max(3, Math.round((low - top) / 44)));
    const across = ticks(x.domain[0], x.domain[1], Math.max(4, Math.round((right - left) / 90)));
    const kind = (value: number) => (Math.abs(value) < 1e-12 ? 'zero' : 'grid');
    return svg`<g aria-hidden="true">
      ${up.map(
        (value) => svg`<line class=${kind(value)} x1=${left} x2=${right} y1=${y(value)} y2=${y(value)}></line>
          <text x=${left - 7} y=${y(value) + 5} text-anchor="end">${tickText(value, up[1] - up[0])}</text>`,
      )}
      ${across.map(
        (value) => svg`<line class=${kind(value)} x1=${x(value)} x2=${x(value)} y1=${low} y2=${top}></line>
          ${this.numbered ? svg`<text x=${x(value)} y=${low + 18} text-anchor="middle">${tickText(value, across[1] - across[0])}</text>` : nothing}`,
      )}
    </g>`;
  }

  private renderLine({ id, style, strong, points }: PlotLine, x: Scale, y: Scale) {
    const path = points.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`).join(' ');
    const tone = typeof style === 'string' ? style : '';
    const { colour, dash } = lineStyle(typeof style === 'number' ? style : 0);
    return svg`<polyline
      class=${`line ${tone}${strong ? ' strong' : ''}`}
      data-line=${id}
      points=${path}
      style=${tone ? '' : `stroke:${colour};stroke-dasharray:${strong ? 'none' : dash || 'none'}`}
    ></polyline>`;
  }

  private renderNames(x: Scale, y: Scale) {
    const ends = this.lines.filter(({ points }) => points.length > 0);
    const heights = spread(
      ends.map(({ points }) => y(points.at(-1)![1])),
      16,
      y(y.domain[1]) + 6,
      y(y.domain[0]) - 2,
    );
    return ends.map(({ label, strong, points }, i) => {
      const [endX, endY] = [x(points.at(-1)![0]), y(points.at(-1)![1])];
      const at = x(x.domain[1]) + 14;
      return svg`<line class="leader" x1=${endX + 2} y1=${endY} x2=${at - 3} y2=${heights[i]}></line>
        <text class=${strong ? 'name strong' : 'name'} x=${at} y=${heights[i] + 5}>${label}</text>`;
    });
  }

  private renderBand({ from, to, label }: PlotBand, x: Scale, y: Scale) {
    const clip = (value: number) => Math.min(x.domain[1], Math.max(x.domain[0], value));
    const [a, b] = [x(clip(from)), x(clip(to))];
    if (b - a < 1) return nothing;
    const [low, top] = [y(y.domain[0]), y(y.domain[1])];
    return svg`<rect class="band" x=${a} y=${top} width=${b - a} height=${low - top}></rect>
      <text class="band-name" x=${(a + b) / 2} y=${low - 7} text-anchor="middle">${label}</text>`;
  }

  private renderCursor(x: Scale, y: Scale) {
    const { cursor } = this;
    if (cursor === null || cursor < x.domain[0] || cursor > x.domain[1]) return nothing;
    return svg`<line class="cursor" x1=${x(cursor)} x2=${x(cursor)} y1=${y(y.domain[0])} y2=${y(y.domain[1])}></line>`;
  }

  /** All rings in one path, all crosses in another: a thousand pairs are two elements. */
  private renderDots(x: Scale, y: Scale) {
    const drawn = this.dots.filter((dot) => Number.isFinite(dot.x) && Number.isFinite(dot.y));
    const ring = ({ x: dx, y: dy }: PlotDot, r: number) =>
      `M${(x(dx) - r).toFixed(1)},${y(dy).toFixed(1)}a${r},${r} 0 1 0 ${2 * r},0a${r},${r} 0 1 0 ${-2 * r},0`;
    const cross = ({ x: dx, y: dy }: PlotDot, r: number) =>
      `M${(x(dx) - r).toFixed(1)},${(y(dy) - r).toFixed(1)}l${2 * r},${2 * r}m0,${-2 * r}l${-2 * r},${2 * r}`;
    const r = drawn.length > 200 ? 3.5 : 5.5;
    const special = drawn.filter(({ id }) => id === this.selected || id === this.pointed);
    const [crosses, rings] = [
      drawn.filter(({ tone }) => tone === 'rejected'),
      drawn.filter(({ tone }) => tone !== 'rejected'),
    ];
    return svg`<path class="dots" data-dots=${drawn.length} d=${rings.map((dot) => ring(dot, r)).join('')}></path>
      <path class="dots rejected" d=${crosses.map((dot) => cross(dot, r - 1)).join('')}></path>
      ${special.map(
        (dot) =>
          svg`<path class=${`dot${dot.id === this.selected ? ' selected' : ''}${dot.id === this.pointed ? ' pointed' : ''}`} d=${ring(dot, 7)}></path>`,
      )}`;
  }

  private onMove(event: PointerEvent): void {
    const { x } = this.local(event);
    const [min, max] = this.#x.domain;
    const share = (x - this.#x(min)) / (this.#x(max) - this.#x(min));
    if (share >= 0 && share <= 1) this.fire('cursor-change', min + share * (max - min));
    const near = this.nearest(event);
    if (near !== this.pointed) this.fire('point-pair', near);
  }

  private onClick(event: MouseEvent): void {
    const near = this.nearest(event);
    if (near) this.fire('select-pair', near);
  }

  private local(event: MouseEvent): { x: number; y: number } {
    const box = this.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / (box.width || 1)) * this.width,
      y: ((event.clientY - box.top) / (box.height || 1)) * this.height,
    };
  }

  private nearest(event: MouseEvent): string | null {
    const at = this.local(event);
    let found: string | null = null;
    let least = REACH;
    for (const { id, x, y } of this.dots) {
      const distance = Math.hypot(this.#x(x) - at.x, this.#y(y) - at.y);
      if (distance < least) [found, least] = [id, distance];
    }
    return found;
  }

  private fire(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

/** A short sample of a line's look, for a chip or a table. */
export const swatch = (index: number, solid = false) => {
  const { colour, dash } = lineStyle(index);
  return html`<svg width="34" height="10" viewBox="0 0 34 10" aria-hidden="true">
    ${svg`<line x1="1" x2="33" y1="5" y2="5" stroke-width="3" style=${`stroke:${colour};stroke-dasharray:${solid ? 'none' : dash || 'none'}`}></line>`}
  </svg>`;
};

/** A number in a table of a picture: enough digits to compare neighbours. */
export const cell = (value: number | undefined | null): string =>
  value !== undefined && value !== null && Math.abs(value) >= 1000 ? number(value, 1) : number(value, 4);

declare global {
  interface HTMLElementTagNameMap {
    'margin-lines': MarginLines;
  }
}
