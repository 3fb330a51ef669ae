import { css, html, LitElement, type PropertyValues } from 'lit';
import { customElement, property, query } from 'lit/decorators.js';
import { type Atlas, SCENE_SIZE, type Scene, SPRITE_SIZES } from '../../toybox/index.ts';
import { base } from '../shared/styles.ts';
import { drawScene } from './draw.ts';
import { bringToFront, moveTo, remove, resize, restyle } from './scene-edit.ts';

/** Pixels an arrow key moves an object; with Shift the larger one. */
const STEP = 2;
const BIG_STEP = 10;

/**
 * The picture of a scene with a handle over each object. Pointer: drag. Keys on a handle: arrows move (Shift: farther),
 * + and − change the size, S the style, F brings to front, Delete removes.
 *
 * @property scene - the scene
 * @property atlas - the sprites
 * @fires scene-change - `detail.scene`: the edited scene
 */
@customElement('margin-stage')
export class MarginStage extends LitElement {
  @property({ attribute: false }) scene!: Scene;
  @property({ attribute: false }) atlas!: Atlas;
  @query('canvas') private canvas!: HTMLCanvasElement;
  #drag: { pointer: number; dx: number; dy: number } | null = null;

  static override styles = [
    base,
    css`
      .stage {
        position: relative;
        width: 100%;
        aspect-ratio: 1;
        border: 1px solid var(--m-line-strong);
        border-radius: var(--m-radius);
        overflow: hidden;
      }
      canvas {
        display: block;
        width: 100%;
        height: 100%;
      }
      ul {
        margin: 0;
        padding: 0;
        list-style: none;
      }
      button {
        position: absolute;
        padding: 0;
        border: 2px dashed transparent;
        border-radius: var(--m-radius);
        background: transparent;
        cursor: grab;
        touch-action: none;
      }
      button:hover {
        border-color: rgb(255 255 255 / 0.85);
        outline: 1px dashed rgb(0 0 0 / 0.6);
      }
      button:focus-visible,
      button:focus {
        border: 2px solid #fff;
        outline: 2px solid #111;
        outline-offset: 0;
      }
      button:active {
        cursor: grabbing;
      }
    `,
  ];

  protected override updated(changed: PropertyValues): void {
    if (changed.has('scene') || changed.has('atlas')) drawScene(this.canvas, this.scene, this.atlas);
  }

  protected override render() {
    const share = (pixels: number) => `${(100 * pixels) / SCENE_SIZE}%`;
    return html`<div class="stage">
      <canvas role="img" aria-label="Preview of the scene"></canvas>
      <ul aria-label="Objects in the scene">
        ${this.scene.objects.map(
          ({ noun, x, y, size }, index) => html`<li>
            <button
              data-index=${index}
              aria-label=${`${noun}, ${size === SPRITE_SIZES[0] ? 'small' : 'large'}, ${x} from the left, ${y} from the top`}
              aria-keyshortcuts="ArrowLeft ArrowRight ArrowUp ArrowDown + - s f Delete"
              style=${`left:${share(x)};top:${share(y)};width:${share(size)};height:${share(size)}`}
              @keydown=${(event: KeyboardEvent) => this.onKey(event, index)}
              @pointerdown=${(event: PointerEvent) => this.onDown(event, index)}
              @pointermove=${(event: PointerEvent) => this.onMove(event, index)}
              @pointerup=${this.onUp}
              @pointercancel=${this.onUp}
            ></button>
          </li>`,
        )}
      </ul>
    </div>`;
  }

  private change(scene: Scene): void {
    this.dispatchEvent(new CustomEvent('scene-change', { detail: { scene } }));
  }

  /** Puts the focus on an object's handle once it is drawn. */
  async focusObject(index: number): Promise<void> {
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>(`button[data-index="${index}"]`)?.focus();
  }

  private onKey(event: KeyboardEvent, index: number): void {
    const { scene } = this;
    const { x, y } = scene.objects[index];
    const step = event.shiftKey ? BIG_STEP : STEP;
    const edits: Record<string, () => Scene> = {
      ArrowLeft: () => moveTo(scene, index, x - step, y),
      ArrowRight: () => moveTo(scene, index, x + step, y),
      ArrowUp: () => moveTo(scene, index, x, y - step),
      ArrowDown: () => moveTo(scene, index, x, y + step),
      '+': () => resize(scene, index, 1),
      '=': () => resize(scene, index, 1),
      '-': () => resize(scene, index, -1),
      s: () => restyle(scene, index),
      f: () => bringToFront(scene, index),
      Delete: () => remove(scene, index),
      Backspace: () => remove(scene, index),
    };
    const edit = event.ctrlKey || event.metaKey || event.altKey ? undefined : edits[event.key];
    if (!edit) return;
    event.preventDefault();
    event.stopPropagation();
    const next = edit();
    this.change(next);
    if (next.objects.length < scene.objects.length) void this.focusObject(Math.max(0, index - 1));
    else if (event.key === 'f') void this.focusObject(next.objects.length - 1);
  }

  /** Where the pointer is, in scene pixels. */
  private at(event: PointerEvent): { x: number; y: number } {
    const box = this.canvas.getBoundingClientRect();
    const scale = SCENE_SIZE / box.width;
    return { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
  }

  private onDown(event: PointerEvent, index: number): void {
    if (event.button !== 0) return;
    const { x, y } = this.at(event);
    const object = this.scene.objects[index];
    this.#drag = { pointer: event.pointerId, dx: x - object.x, dy: y - object.y };
    (event.target as HTMLElement).setPointerCapture(event.pointerId);
  }

  private onMove(event: PointerEvent, index: number): void {
    if (this.#drag?.pointer !== event.pointerId) return;
    const { x, y } = this.at(event);
    this.change(moveTo(this.scene, index, x - this.#drag.dx, y - this.#drag.dy));
  }

  private onUp(event: PointerEvent): void {
    if (this.#drag?.pointer === event.pointerId) this.#drag = null;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-stage': MarginStage;
  }
}
