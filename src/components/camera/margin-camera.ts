import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import type { App } from '../../state/app.ts';
import { icon } from '../shared/icons.ts';
import { base, buttons, fields, panel } from '../shared/styles.ts';

/** Why there is no camera picture, and what to do. */
export function cameraMessage(error: unknown): string {
  const name = error instanceof Error ? error.name : '';
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'The browser did not allow the camera. Allow it in the settings beside the address, then try again; or add a picture file instead.';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'No camera was found. Connect one and try again, or add a picture file instead.';
    case 'NotReadableError':
    case 'AbortError':
      return 'The camera is in use by another program. Close it there and try again.';
    default:
      return 'This page cannot use a camera: browsers give one only to pages from https or localhost. Add a picture file instead.';
  }
}

/**
 * The camera dialog's content: a live picture and a shutter. The camera runs only while this element is on the page.
 *
 * @property app - the page's application object
 */
@customElement('margin-camera')
export class MarginCamera extends LitElement {
  @property({ attribute: false }) app!: App;
  @state() private status: 'starting' | 'live' | 'failed' = 'starting';
  @state() private message = '';
  @state() private cameras: readonly MediaDeviceInfo[] = [];
  @state() private camera = '';
  @query('video') private video!: HTMLVideoElement;
  #stream: MediaStream | null = null;
  #attempt = 0;

  static override styles = [
    base,
    buttons,
    fields,
    panel,
    css`
      :host {
        width: min(640px, calc(100vw - 64px));
        padding: 14px 18px 18px;
      }
      video {
        display: block;
        width: 100%;
        aspect-ratio: 4 / 3;
        border-radius: var(--m-radius);
        background: #111;
        object-fit: contain;
      }
      .controls {
        display: flex;
        align-items: center;
        justify-content: space-between;
        gap: 12px;
        margin-top: 10px;
      }
      select {
        width: auto;
        max-width: 60%;
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    void this.start();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stop();
  }

  protected override render() {
    if (this.status === 'failed') {
      return html`<p class="empty" role="alert">${this.message}</p>
        <div class="controls"><button class="primary" @click=${() => void this.start()}>Try again</button></div>`;
    }
    const live = this.status === 'live';
    return html`<video autoplay playsinline muted aria-label="Live picture of the camera"></video>
      <div class="controls">
        <button class="primary" ?disabled=${!live} @click=${() => void this.shoot()}>${icon('camera')} Take picture</button>
        ${live ? nothing : html`<span class="muted" role="status">Waiting for the camera…</span>`}
        ${
          this.cameras.length > 1
            ? html`<select
                aria-label="Which camera"
                @change=${(event: Event) => {
                  this.camera = (event.target as HTMLSelectElement).value;
                  void this.start();
                }}
              >
                ${this.cameras.map(
                  ({ deviceId, label }, index) =>
                    html`<option value=${deviceId} ?selected=${deviceId === this.camera}>${label || `Camera ${index + 1}`}</option>`,
                )}
              </select>`
            : nothing
        }
      </div>`;
  }

  /** Asks for the camera. A newer call, or leaving the page, makes an older one's stream stop at once. */
  private async start(): Promise<void> {
    this.stop();
    const attempt = ++this.#attempt;
    this.status = 'starting';
    try {
      const size = { width: { ideal: 1280 }, height: { ideal: 960 } };
      const video = this.camera
        ? { ...size, deviceId: { exact: this.camera } }
        : { ...size, facingMode: 'environment' };
      const stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
      if (attempt !== this.#attempt || !this.isConnected) {
        for (const track of stream.getTracks()) track.stop();
        return;
      }
      this.#stream = stream;
      this.camera ||= stream.getVideoTracks()[0]?.getSettings().deviceId ?? '';
      this.cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === 'videoinput');
      await this.updateComplete;
      this.video.srcObject = stream;
      await this.video.play();
      this.status = 'live';
    } catch (error) {
      if (attempt !== this.#attempt) return;
      this.stop();
      this.status = 'failed';
      this.message = cameraMessage(error);
    }
  }

  private stop(): void {
    this.#attempt += 1;
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
  }

  private async shoot(): Promise<void> {
    const { videoWidth, videoHeight } = this.video;
    const canvas = new OffscreenCanvas(videoWidth, videoHeight);
    canvas.getContext('2d')?.drawImage(this.video, 0, 0);
    const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.95 });
    const taken = this.app.store.state.images.filter(({ name }) => name.startsWith('camera ')).length;
    this.app.intents.closeOverlay();
    await this.app.intents.addImages([new File([blob], `camera ${taken + 1}.jpg`, { type: blob.type })]);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-camera': MarginCamera;
  }
}
