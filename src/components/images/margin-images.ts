import { html, LitElement, nothing, type PropertyValues } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import type { App } from '../../state/app.ts';
import { Select } from '../../state/select.ts';
import { selectedImageOf } from '../../state/selectors.ts';
import type { ImageRecord } from '../../state/state.ts';
import { worldLoaded } from '../../state/worlds.ts';
import { icon } from '../shared/icons.ts';
import { shared } from '../shared/styles.ts';
import './margin-image-detail.ts';
import { noteOn } from './outside.ts';
import { imagesStyles } from './styles.ts';
import { filesOf, hasFiles, sortFiles } from './transfer.ts';

/** What the file dialog offers. */
const ACCEPT = 'image/png,image/jpeg,image/webp,image/avif,image/gif';

/**
 * The left column: pictures come in by drop (anywhere on the page), paste, file dialog, camera or as Toybox scenes;
 * one of them is selected.
 *
 * @property app - the page's application object
 */
@customElement('margin-images')
export class MarginImages extends LitElement {
  @property({ attribute: false }) app!: App;
  /** Something with files is being dragged over the page. */
  @state() private dragging = false;
  @query('input[type=file]') private input!: HTMLInputElement;

  #view = new Select(
    this,
    () => this.app?.store,
    (state) => ({
      images: state.images,
      selected: selectedImageOf(state),
      world: worldLoaded(state.engine),
      activity: state.activity?.kind === 'images' ? state.activity : null,
    }),
  );
  #lastSelected: string | undefined;

  static override styles = [shared, imagesStyles];

  override connectedCallback(): void {
    super.connectedCallback();
    // A file dropped beside a drop zone would replace the page, so the whole page takes drops.
    addEventListener('dragover', this.#onDragOver);
    addEventListener('dragleave', this.#onDragLeave);
    addEventListener('drop', this.#onDrop);
    addEventListener('paste', this.#onPaste);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener('dragover', this.#onDragOver);
    removeEventListener('dragleave', this.#onDragLeave);
    removeEventListener('drop', this.#onDrop);
    removeEventListener('paste', this.#onPaste);
  }

  protected override updated(_changed: PropertyValues): void {
    const id = this.#view.value.selected?.id;
    if (id === this.#lastSelected) return;
    this.#lastSelected = id;
    this.renderRoot.querySelector('[aria-current="true"]')?.scrollIntoView({ block: 'nearest' });
  }

  protected override render() {
    const { images, selected, world, activity } = this.#view.value;
    return html`${this.renderSources()}
      ${
        activity
          ? html`<p class="activity" role="status">
              <progress aria-label=${activity.label} max=${activity.total} value=${activity.done}></progress>
              ${activity.label}, ${activity.done} of ${activity.total}
              <button class="quiet" @click=${() => this.app.intents.cancel()}>Cancel</button>
            </p>`
          : nothing
      }
      ${
        selected
          ? html`<margin-image-detail
              .app=${this.app}
              .image=${selected}
              .note=${noteOn(selected, world)}
            ></margin-image-detail>`
          : nothing
      }
      ${images.length > 0 ? this.renderList(images, selected?.id) : this.renderEmpty()}
      ${this.dragging ? html`<div class="drop" aria-hidden="true"><p>Drop pictures to add them</p></div>` : nothing}`;
  }

  private renderSources() {
    const { intents } = this.app;
    return html`<div class="sources">
      <button class="primary wide" @click=${() => this.input.click()}>${icon('plus')} Add images</button>
      <button class="icon" aria-label="Camera" title="Take a picture with the camera" @click=${() => intents.openOverlay('camera')}>
        ${icon('camera')}
      </button>
      <button
        class="wide"
        aria-label="Add sample scenes"
        title="Random Toybox scenes, whose truth is known; determined by the seed"
        @click=${() => void intents.addSampleScenes()}
      >
        Sample scenes
      </button>
      <button title="Place objects on a background yourself" @click=${() => intents.openOverlay('composer')}>
        Compose
      </button>
      <button
        class="wide"
        aria-label="Add sample photographs"
        title="Photographs from Flickr, four at a time, for the photo models"
        @click=${() => void intents.addSamplePhotographs()}
      >
        Sample photographs
      </button>
      <input type="file" accept=${ACCEPT} multiple hidden aria-label="Picture files" @change=${this.onFiles} />
    </div>`;
  }

  private renderList(images: readonly ImageRecord[], selected: string | undefined) {
    return html`<ul class="thumbs" aria-label="Pictures" @keydown=${this.onListKey}>
      ${repeat(
        images,
        ({ id }) => id,
        ({ id, name }) => html`<li>
          <button
            class="thumb"
            aria-current=${id === selected}
            aria-label=${name}
            title=${name}
            @click=${() => this.app.intents.selectImage(id)}
          >
            <img src=${this.app.images.url(id)} alt="" loading="lazy" decoding="async" />
          </button>
        </li>`,
      )}
    </ul>`;
  }

  private renderEmpty() {
    return html`<div class="empty">
      <p>
        Drop or paste pictures anywhere on the page, or begin with sample scenes, drawn pictures whose truth is known, or
        with sample photographs, which the photo models describe.
      </p>
    </div>`;
  }

  private onFiles(): void {
    const files = [...(this.input.files ?? [])];
    this.input.value = ''; // the same file may be chosen again
    void this.app.intents.addImages(files);
  }

  private onListKey(event: KeyboardEvent): void {
    const buttons = [...this.renderRoot.querySelectorAll<HTMLButtonElement>('.thumb')];
    const at = buttons.findIndex((button) => button.matches(':focus'));
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (at < 0) return;
    const id = this.#view.value.images[at]?.id;
    if (event.key === 'Delete' && id) {
      event.preventDefault();
      this.app.intents.removeImage(id);
    } else if (step) {
      event.preventDefault();
      const next = buttons[(at + step + buttons.length) % buttons.length];
      next.focus();
      next.click();
    }
  }

  private take(files: File[]): void {
    const { pictures, workspaces } = sortFiles(files);
    void this.app.intents.addImages(pictures);
    for (const file of workspaces) void this.app.intents.importWorkspace(file);
  }

  #onDragOver = (event: DragEvent): void => {
    if (!hasFiles(event.dataTransfer)) return;
    event.preventDefault();
    this.dragging = true;
  };

  #onDragLeave = (event: DragEvent): void => {
    // Leaving the window has nothing to enter; leaving one element for another has.
    if (!event.relatedTarget) this.dragging = false;
  };

  #onDrop = (event: DragEvent): void => {
    this.dragging = false;
    if (!hasFiles(event.dataTransfer)) return;
    event.preventDefault();
    this.take(filesOf(event.dataTransfer, 'drop'));
  };

  #onPaste = (event: ClipboardEvent): void => {
    const files = filesOf(event.clipboardData, 'paste');
    if (files.length === 0) return;
    event.preventDefault();
    this.take(files);
  };
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-images': MarginImages;
  }
}
