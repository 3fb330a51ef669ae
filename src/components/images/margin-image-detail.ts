import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { App } from '../../state/app.ts';
import type { ImageRecord } from '../../state/state.ts';
import { icon } from '../shared/icons.ts';
import { base, buttons, panel } from '../shared/styles.ts';
import './margin-truth.ts';

/**
 * The selected picture, large, with its name, size, and (for a scene) its truth on request.
 *
 * @property app - the page's application object
 * @property image - the selected picture
 * @property note - what to say of a picture that is not of the loaded model's world
 */
@customElement('margin-image-detail')
export class MarginImageDetail extends LitElement {
  @property({ attribute: false }) app!: App;
  @property({ attribute: false }) image!: ImageRecord;
  @property({ attribute: false }) note = '';
  @state() private truthShown = false;

  static override styles = [
    base,
    buttons,
    panel,
    css`
      .picture {
        display: grid;
        place-items: center;
        aspect-ratio: 1;
        width: 100%;
        max-height: min(240px, 30vh);
        border: 1px solid var(--m-line);
        border-radius: var(--m-radius);
        background: var(--m-surface-2);
        overflow: hidden;
      }
      img {
        display: block;
        width: 100%;
        height: 100%;
        min-height: 0;
        object-fit: contain;
      }
      .missing {
        padding: 24px 12px;
        color: var(--m-danger);
        text-align: center;
      }
      .line {
        display: flex;
        align-items: center;
        gap: 4px;
        margin-top: 4px;
      }
      .name {
        flex: 1;
        min-width: 0;
        font-size: 14px;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .size {
        font-size: 14px;
        font-variant-numeric: tabular-nums;
      }
      .line button {
        min-height: 28px;
        padding: 2px 7px;
      }
      margin-truth {
        margin-top: 4px;
        padding: 7px 9px;
        border-left: 3px solid var(--m-line-strong);
        background: var(--m-surface-2);
      }
      .note {
        margin-top: 4px;
        font-size: 14px;
        color: var(--m-muted);
      }
    `,
  ];

  protected override render() {
    const { image } = this;
    const { name, width, height, scene, credit } = image;
    const url = this.app.images.url(image.id);
    return html`<div class="picture">
        ${
          url
            ? html`<img src=${url} alt=${scene ? `Toybox scene: ${name}` : name} />`
            : html`<p class="missing">The bytes of this picture are gone. Add it again.</p>`
        }
      </div>
      <div class="line">
        <span class="name" title=${credit ? `${name}. ${credit}` : name}>${name}</span>
        <span class="muted size" title="Width and height in pixels">${width}×${height}</span>
        ${
          scene
            ? html`<button
                class="quiet"
                aria-expanded=${this.truthShown}
                title="What really is in the scene"
                @click=${() => {
                  this.truthShown = !this.truthShown;
                }}
              >
                Truth
              </button>`
            : nothing
        }
        <button
          class="quiet icon"
          aria-label=${`Remove ${name}`}
          title="Remove the picture with its answers and pairs (undo brings them back)"
          @click=${() => this.app.intents.removeImage(image.id)}
        >
          ${icon('trash')}
        </button>
      </div>
      ${scene && this.truthShown ? html`<margin-truth .scene=${scene}></margin-truth>` : nothing}
      ${this.note ? html`<p class="note">${this.note}</p>` : nothing}`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-image-detail': MarginImageDetail;
  }
}
