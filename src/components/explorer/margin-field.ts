import { css, html, LitElement } from 'lit';
import { customElement, property, query } from 'lit/decorators.js';
import { base } from '../shared/styles.ts';
import { type Grid, shareOf } from './grid.ts';

type Rgb = readonly [number, number, number];

const parse = (colour: string): Rgb => {
  const [r = 0, g = 0, b = 0] = (colour.match(/[\d.]+/g) ?? []).map(Number);
  return [r, g, b];
};

/** Between the first and the third colour by way of the second. */
function mix(colours: readonly [Rgb, Rgb, Rgb], share: number): Rgb {
  const [from, to, part] = share < 0.5 ? [colours[0], colours[1], share * 2] : [colours[1], colours[2], share * 2 - 1];
  return [0, 1, 2].map((i) => from[i] + (to[i] - from[i]) * part) as unknown as Rgb;
}

/**
 * The values of a grid as colours, from pale (low) to strong (high), each step from level to level counting the same.
 * Places without a value are hatched. It is decoration of the numbers beside it, hidden from assistive technology.
 *
 * @property grid - the values
 * @property levels - where the colour scale has its steps
 * @property range - least and greatest value
 */
@customElement('margin-field')
export class MarginField extends LitElement {
  @property({ attribute: false }) grid: Grid | null = null;
  @property({ attribute: false }) levels: readonly number[] = [];
  @property({ attribute: false }) range: readonly [number, number] = [0, 1];
  @query('canvas') private canvas!: HTMLCanvasElement;
  #scheme = matchMedia('(prefers-color-scheme: dark)');
  #theme = new MutationObserver(() => this.requestUpdate());
  #redraw = () => this.requestUpdate();

  /** Three colours on properties that are computed to rgb(): canvases know no custom properties. */
  static override styles = [
    base,
    css`
      :host {
        overflow: hidden;
        background: repeating-linear-gradient(45deg, var(--m-surface) 0 6px, var(--m-line) 6px 7px);
      }
      canvas {
        position: absolute;
        border: 0 solid;
        color: var(--m-field-strong);
        border-top-color: var(--m-field-zero);
        border-bottom-color: var(--m-field-weak);
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.#scheme.addEventListener('change', this.#redraw);
    this.#theme.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#scheme.removeEventListener('change', this.#redraw);
    this.#theme.disconnect();
  }

  protected override render() {
    // Samples stand on the edges of the map, pixels have their middles inside: half a pixel hangs over on every side.
    const side = this.grid?.side ?? 2;
    const over = 50 / (side - 1);
    return html`<canvas
      aria-hidden="true"
      width=${side}
      height=${side}
      style=${`left:${-over}%;top:${-over}%;width:${100 + 2 * over}%;height:${100 + 2 * over}%`}
    ></canvas>`;
  }

  protected override updated(): void {
    const context = this.canvas.getContext('2d');
    if (!this.grid || !context) return;
    const { side, values } = this.grid;
    const looks = getComputedStyle(this.canvas);
    const colours = [looks.borderBottomColor, looks.borderTopColor, looks.color].map(parse) as unknown as [
      Rgb,
      Rgb,
      Rgb,
    ];
    const image = context.createImageData(side, side);
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        const value = values[row * side + column];
        if (Number.isNaN(value)) continue;
        // The grid counts rows from below, pictures from above.
        image.data.set(
          [...mix(colours, shareOf(value, this.levels, ...this.range)), 255],
          4 * ((side - 1 - row) * side + column),
        );
      }
    }
    context.putImageData(image, 0, 0);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-field': MarginField;
  }
}
