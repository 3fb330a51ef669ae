import { css, html, LitElement, nothing, type PropertyValues } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { styleMap } from 'lit/directives/style-map.js';
import { objectsSeen } from '../../photographs/index.ts';
import type { App } from '../../state/app.ts';
import { Select } from '../../state/select.ts';
import type { ImageRecord } from '../../state/state.ts';
import { icon } from '../shared/icons.ts';
import { base, buttons, panel } from '../shared/styles.ts';
import './margin-boxes.ts';
import './margin-seen.ts';
import './margin-truth.ts';

/** Width to height of the room for a picture that is wider still. */
const WIDEST = 4;

/**
 * The selected picture, large, with its name, size, and what is known of its objects: the truth of a scene, or what
 * the detector saw in a photograph.
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
  @state() private boxesShown = false;
  /** Classes of which the boxes stand out: pointed at, or held by a press. */
  @state() private pointed: string | null = null;
  @state() private pinned: string | null = null;

  #errors = new Select(
    this,
    () => this.app?.store,
    ({ lookErrors }) => lookErrors,
  );

  static override styles = [
    base,
    buttons,
    panel,
    css`
      .picture {
        position: relative;
        display: grid;
        place-items: center;
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
      margin-seen {
        margin-top: 4px;
      }
      .line button[aria-pressed='true'] {
        border-color: var(--m-text);
        background: var(--m-surface-2);
        font-weight: 600;
      }
      .note {
        margin-top: 4px;
        font-size: 14px;
        color: var(--m-muted);
      }
    `,
  ];

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('image') || changed.get('image')?.id === this.image.id) return;
    this.pointed = null;
    this.pinned = null;
  }

  protected override render() {
    const { image } = this;
    const { name, width, height, scene, credit } = image;
    const url = this.app.images.url(image.id);
    // No taller than a square, so that what stands below stays in view.
    const room = { aspectRatio: `${Math.min(WIDEST, Math.max(1, width / height))}` };
    return html`<div class="picture" style=${styleMap(room)}>
        ${
          url
            ? html`<img src=${url} alt=${scene ? `Toybox scene: ${name}` : name} />`
            : html`<p class="missing">This picture’s file is missing. Add the picture again.</p>`
        }
        ${url && !scene ? this.renderBoxes() : nothing}
      </div>
      <div class="line">
        <span class="name" title=${credit ? `${name}. ${credit}` : name}>${name}</span>
        <span class="muted size" title="Width and height in pixels">${width}×${height}</span>
        ${
          scene
            ? html`<button
                class="quiet"
                aria-expanded=${this.truthShown}
                title="What is actually in the scene"
                @click=${() => {
                  this.truthShown = !this.truthShown;
                }}
              >
                Truth
              </button>`
            : this.renderToggle()
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
      ${scene ? nothing : this.renderSeen()}
      ${this.note ? html`<p class="note">${this.note}</p>` : nothing}`;
  }

  private renderToggle() {
    const { seen } = this.image;
    if (!seen || objectsSeen(seen).length === 0) return nothing;
    return html`<button
      class="quiet"
      aria-pressed=${this.boxesShown}
      title="Draws over the picture where the detector sees what"
      @click=${() => {
        this.boxesShown = !this.boxesShown;
      }}
    >
      Boxes
    </button>`;
  }

  /** All boxes where they are wanted, else those of the class that a person points at. */
  private renderBoxes() {
    const { seen, width, height } = this.image;
    const noun = this.pointed ?? this.pinned;
    if (!seen || !(this.boxesShown || noun)) return nothing;
    const things = this.boxesShown ? seen.things : seen.things.filter((thing) => thing.noun === noun);
    return html`<margin-boxes .things=${things} .width=${width} .height=${height} .noun=${noun}></margin-boxes>`;
  }

  private renderSeen() {
    const { id, seen } = this.image;
    return html`<margin-seen
      .seen=${seen}
      .error=${this.#errors.value[id]}
      .pinned=${this.pinned}
      @point=${({ detail }: CustomEvent<string | null>) => {
        this.pointed = detail;
      }}
      @pin=${({ detail }: CustomEvent<string>) => {
        this.pinned = this.pinned === detail ? null : detail;
      }}
      @look=${() => void this.app.intents.look(id).catch(() => {})}
    ></margin-seen>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-image-detail': MarginImageDetail;
  }
}
