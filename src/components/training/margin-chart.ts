import { css, html, LitElement, nothing, svg } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { extent, ticks, tickText } from '../objective/plot.ts';
import { number } from '../shared/format.ts';
import { base } from '../shared/styles.ts';

/** One line of a chart: the same metric of one run. */
export interface ChartLine {
  readonly name: string;
  readonly tone: 'plain' | 'chosen' | 'rejected';
  readonly xs: ArrayLike<number>;
  readonly ys: ArrayLike<number>;
  /** Number of the run, written at the line's end where there are several. */
  readonly run: number;
  /** What the run is called, for who points at the line. */
  readonly runName?: string;
  /** The other runs stand behind the present one. */
  readonly present: boolean;
  /** Word before the newest value, and dashes of the line, where one chart has several plain lines. */
  readonly label?: string;
  readonly dashes?: string;
}

const LEFT = 46;
const RIGHT = 14;
const TOP = 10;
const BOTTOM = 20;
/** More points than this are not seen on a small chart. */
const MOST_POINTS = 300;

/** Finite points, thinned evenly; first and last stay. */
export function pointsOf({ xs, ys }: Pick<ChartLine, 'xs' | 'ys'>, most = MOST_POINTS): [number, number][] {
  const all: [number, number][] = [];
  for (let i = 0; i < xs.length; i++) if (Number.isFinite(ys[i])) all.push([xs[i], ys[i]]);
  if (all.length <= most) return all;
  return Array.from({ length: most }, (_, i) => all[Math.round((i * (all.length - 1)) / (most - 1))]);
}

/**
 * A metric over the steps, one line per run: chosen solid blue, rejected dashed orange, everything else in the colour
 * of text. The newest values of the present run stand in the heading.
 *
 * @property heading - TRL's name of the metric
 * @property lines - what is drawn
 * @property steps - length of the run, so that the axis does not move under the eye; 0 for what the lines need
 * @property zero - whether the axis must show 0
 * @property most - the greatest value there can be, which the axis does not go beyond
 * @property digits - decimals in the heading
 */
@customElement('margin-chart')
export class MarginChart extends LitElement {
  @property() heading = '';
  @property({ attribute: false }) lines: readonly ChartLine[] = [];
  @property({ type: Number }) steps = 0;
  @property({ type: Boolean }) zero = false;
  @property({ type: Number }) most = Number.POSITIVE_INFINITY;
  @property({ type: Number }) digits = 3;
  @state() private width = 220;
  @state() private height = 130;
  #resize = new ResizeObserver(([entry]) => {
    this.width = Math.max(140, Math.round(entry.contentRect.width));
    this.height = Math.max(70, Math.round(entry.contentRect.height));
  });

  static override styles = [
    base,
    css`
      :host {
        display: flex;
        flex-direction: column;
        min-width: 0;
        min-height: 0;
        container-type: inline-size;
      }
      h3 {
        display: flex;
        flex-wrap: wrap;
        gap: 0 8px;
        align-items: baseline;
        font-size: 13.5px;
        line-height: 1.3;
      }
      .values {
        display: flex;
        gap: 8px;
        margin-left: auto;
        white-space: nowrap;
        font-variant-numeric: tabular-nums;
      }
      /* Side by side, charts stay level whether or not a name leaves room for its number. */
      @container (max-width: 230px) {
        h3 {
          flex-direction: column;
          align-items: stretch;
        }
      }
      .plot {
        position: relative;
        flex: 1;
        min-height: 70px;
      }
      svg {
        position: absolute;
        inset: 0;
        width: 100%;
        height: 100%;
        overflow: visible;
      }
      text {
        fill: var(--m-muted);
        font: 12.5px var(--m-font);
        font-variant-numeric: tabular-nums;
      }
      .grid {
        stroke: var(--m-line);
      }
      .zero {
        stroke: var(--m-line-strong);
      }
      .line {
        fill: none;
        stroke: var(--m-text);
        stroke-width: 1.4;
        stroke-linejoin: round;
        opacity: 0.55;
      }
      /* What the pointer meets: the line itself is too thin for it. */
      .near {
        fill: none;
        stroke: transparent;
        stroke-width: 12;
        pointer-events: stroke;
      }
      .line.present {
        stroke-width: 2.6;
        opacity: 1;
      }
      .line.chosen {
        stroke: var(--m-chosen);
      }
      .line.rejected {
        stroke: var(--m-rejected);
        stroke-dasharray: 6 4;
      }
      circle {
        fill: var(--m-text);
      }
      circle.chosen,
      .chosen-text {
        fill: var(--m-chosen);
        color: var(--m-chosen);
      }
      circle.rejected,
      .rejected-text {
        fill: var(--m-rejected);
        color: var(--m-rejected);
      }
    `,
  ];

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
    const drawn = this.lines
      .map((line) => ({ line, points: pointsOf(line) }))
      .filter(({ points }) => points.length > 0);
    const present = drawn.filter(({ line }) => line.present);
    const newest = present.map(({ line, points }) => ({ line, first: points[0][1], last: points.at(-1)![1] }));
    const words = newest.map(({ line, first, last }) => `${line.name} from ${number(first, 4)} to ${number(last, 4)}`);
    return html`<h3>
        ${this.heading}
        <span class="values">
          ${newest.map(
            ({ line, last }) =>
              html`<span class="${line.tone}-text" title=${line.name}>${
                line.tone === 'plain' ? (line.label ?? '') : line.tone === 'chosen' ? '✓' : '✗'
              } ${number(last, this.digits)}</span>`,
          )}
        </span>
      </h3>
      <div class="plot">${this.renderPlot(drawn, `${this.heading}: ${words.join('; ') || 'no steps yet'}`)}</div>`;
  }

  private renderPlot(drawn: readonly { line: ChartLine; points: [number, number][] }[], label: string) {
    const { width, height } = this;
    const all = drawn.flatMap(({ points }) => points);
    const last = Math.max(this.steps, ...all.map(([x]) => x), 1);
    const first = Math.min(1, ...all.map(([x]) => x));
    const [low, top] =
      all.length > 0
        ? extent(
            all.map(([, y]) => y),
            this.zero ? [0] : [],
            0.08,
          )
        : [0, 1];
    const high = Math.min(top > low ? top : low + 1, this.most);
    const x = (value: number) => LEFT + ((value - first) / Math.max(1, last - first)) * (width - LEFT - RIGHT);
    const y = (value: number) => TOP + ((high - value) / (high - low)) * (height - TOP - BOTTOM);
    const up = ticks(low, high, Math.max(2, Math.round((height - TOP - BOTTOM) / 26)));
    const across = ticks(first, last, Math.max(2, Math.round((width - LEFT - RIGHT) / 60))).filter(Number.isInteger);
    const several = new Set(drawn.map(({ line }) => line.run)).size > 1;
    return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label=${label}>
      ${up.map(
        (
          value,
        ) => svg`<line class=${Math.abs(value) < 1e-12 ? 'zero' : 'grid'} x1=${LEFT} x2=${width - RIGHT} y1=${y(value)} y2=${y(value)}></line>
          <text x=${LEFT - 6} y=${y(value) + 4} text-anchor="end">${tickText(value, up[1] - up[0])}</text>`,
      )}
      ${across.map((value) => svg`<text x=${x(value)} y=${height - 4} text-anchor="middle">${value}</text>`)}
      ${drawn.map(({ line, points }) => {
        const path = points.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`).join(' ');
        const [endX, endY] = points.at(-1)!;
        return svg`<g>
          ${line.runName ? svg`<title>${`Run ${line.run}: ${line.runName}`}</title><polyline class="near" points=${path}></polyline>` : nothing}
          <polyline class=${`line ${line.tone}${line.present ? ' present' : ''}`} data-line=${line.name} stroke-dasharray=${line.dashes ?? nothing} points=${path}></polyline>
          ${line.present ? svg`<circle class=${line.tone} cx=${x(endX)} cy=${y(endY)} r="3.2"></circle>` : nothing}
          ${several ? svg`<text x=${x(endX) + 4} y=${y(endY) - 4}>${line.run}</text>` : nothing}
        </g>`;
      })}
    </svg>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-chart': MarginChart;
  }
}
