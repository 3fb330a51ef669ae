import { css, html, LitElement, nothing, svg } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { extent, linear, tickText } from '../objective/plot.ts';
import { number } from '../shared/format.ts';
import { base } from '../shared/styles.ts';
import type { Line, Picture } from './pictures.ts';

const WIDTH = 200;
const HEIGHT = 84;

/**
 * A small drawing of a loss: its lines, the two zero lines, and in words what is drawn over what. The words are the
 * drawing's name; exact numbers are the objective panel's business.
 *
 * @property picture - what is drawn
 */
@customElement('margin-thumbnail')
export class MarginThumbnail extends LitElement {
  @property({ attribute: false }) picture!: Picture;

  static override styles = [
    base,
    css`
      figure {
        margin: 0;
      }
      svg {
        display: block;
        width: 100%;
        height: var(--thumbnail-height, 84px);
        border-bottom: 1px solid var(--m-line);
      }
      line {
        stroke: var(--m-line);
        vector-effect: non-scaling-stroke;
      }
      polyline {
        fill: none;
        stroke: var(--m-text);
        stroke-width: 2;
        stroke-linejoin: round;
        vector-effect: non-scaling-stroke;
      }
      polyline.chosen {
        stroke: var(--m-chosen);
      }
      polyline.rejected {
        stroke: var(--m-rejected);
        stroke-dasharray: 6 4;
      }
      figcaption {
        color: var(--m-muted);
        font-size: 12px;
        line-height: 1.35;
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
    const { lines, x, y } = this.picture;
    const points = lines.flatMap((line) => line.points);
    if (points.length === 0) {
      return html`<p class="muted small">This loss cannot be drawn at these hyperparameters.</p>`;
    }
    const xs = points.map(([px]) => px);
    const [left, right] = [Math.min(...xs), Math.max(...xs)];
    const across = linear([left, right], 0, WIDTH);
    const end = (value: number) => tickText(value, right - left > 4 ? 1 : 0.1);
    const highest = Math.max(...points.map(([, py]) => py));
    const up = linear(
      extent(
        points.map(([, py]) => py),
        [0],
      ),
      HEIGHT,
      0,
    );
    const path = (line: Line) =>
      line.points.map(([px, py]) => `${across(px).toFixed(1)},${up(py).toFixed(1)}`).join(' ');
    return html`<figure>
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${`${y} over ${x}`}>
        <line x1="0" x2=${WIDTH} y1=${up(0)} y2=${up(0)}></line>
        ${left < 0 && right > 0 ? svg`<line x1=${across(0)} x2=${across(0)} y1="0" y2=${HEIGHT}></line>` : nothing}
        ${lines.map((line) => svg`<polyline class=${line.tone} points=${path(line)}></polyline>`)}
      </svg>
      <figcaption>
        ${y}, up to ${number(highest, highest > 100 ? 0 : 2)}, over ${x}, ${end(left)} to ${end(right)}${lines
          .filter(({ label }) => label)
          .map(
            ({ label, tone }, i) =>
              html`${i === 0 ? ': ' : ', '}<span class=${tone}>${label} ${tone === 'rejected' ? '- -' : '—'}</span>`,
          )}
      </figcaption>
    </figure>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-thumbnail': MarginThumbnail;
  }
}
