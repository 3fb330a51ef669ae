import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { classMap } from 'lit/directives/class-map.js';
import { styleMap } from 'lit/directives/style-map.js';
import type { Box, Sighting } from '../../photographs/index.ts';
import { base } from '../shared/styles.ts';

const share = (value: number): string => `${100 * value}%`;

/**
 * Boxes over a picture that `object-fit: contain` draws in the same place. The chips below say the same in words.
 *
 * @property things - what the detector saw
 * @property width - of the picture, in pixels
 * @property height - of the picture, in pixels
 * @property noun - the class whose boxes stand out; null for none
 */
@customElement('margin-boxes')
export class MarginBoxes extends LitElement {
  @property({ attribute: false }) things: readonly Sighting[] = [];
  @property({ type: Number }) width = 1;
  @property({ type: Number }) height = 1;
  @property({ attribute: false }) noun: string | null = null;

  static override styles = [
    base,
    css`
      :host {
        position: absolute;
        inset: 0;
        display: grid;
        place-items: center;
        container-type: size;
        pointer-events: none;
      }
      .frame {
        position: relative;
      }
      /* Light within dark, so that it shows on any picture. */
      .box {
        position: absolute;
        border: 1px solid var(--m-surface);
        outline: 1px solid var(--m-text);
      }
      .box.pale {
        opacity: 0.35;
      }
      .box.pale .label {
        display: none;
      }
      .box.pointed {
        border-color: var(--m-focus);
        border-width: 3px;
      }
      .label {
        position: absolute;
        top: 0;
        left: 0;
        padding: 0 2px;
        background: var(--m-surface);
        color: var(--m-text);
        font-size: 10.5px;
        line-height: 1.2;
        white-space: nowrap;
      }
    `,
  ];

  protected override render() {
    const { things, width, height, noun } = this;
    const size = { width: `min(100cqw, ${(100 * width) / height}cqh)`, aspectRatio: `${width} / ${height}` };
    // What is drawn last lies on top: the surest, and before all what a person points at.
    const ordered = [...things].reverse().sort((a, b) => Number(a.noun === noun) - Number(b.noun === noun));
    return html`<div class="frame" style=${styleMap(size)} aria-hidden="true">
      ${ordered.map((thing) => thing.boxes.map((box, i) => this.renderBox(thing.noun, box, i === 0)))}
    </div>`;
  }

  /** One name a class is enough, on its surest box. */
  private renderBox(noun: string, { x1, y1, x2, y2 }: Box, named: boolean) {
    const place = { left: share(x1), top: share(y1), width: share(x2 - x1), height: share(y2 - y1) };
    const looks = { box: true, pointed: this.noun === noun, pale: this.noun !== null && this.noun !== noun };
    return html`<div class=${classMap(looks)} style=${styleMap(place)}>
      ${named ? html`<span class="label">${noun}</span>` : nothing}
    </div>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-boxes': MarginBoxes;
  }
}
