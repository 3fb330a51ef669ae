import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { App } from '../../state/app.ts';
import { sampleSeed, toyboxAtlas } from '../../state/scenes.ts';
import { selectedImageOf } from '../../state/selectors.ts';
import { type Atlas, BACKGROUNDS, MAX_OBJECTS, randomScene, type Scene } from '../../toybox/index.ts';
import '../images/margin-truth.ts';
import { base, buttons, fields, panel } from '../shared/styles.ts';
import './margin-nouns.ts';
import './margin-stage.ts';
import { add } from './scene-edit.ts';

/**
 * The composer's content: place objects on a background, see the picture and its truth, use it. Begins with the
 * selected scene, if one is selected.
 *
 * @property app - the page's application object
 */
@customElement('margin-composer')
export class MarginComposer extends LitElement {
  @property({ attribute: false }) app!: App;
  @state() private scene: Scene = { background: BACKGROUNDS[0].name, objects: [] };
  @state() private atlas: Atlas | null = null;
  @state() private error = '';
  #surprises = 0;

  static override styles = [
    base,
    buttons,
    fields,
    panel,
    css`
      :host {
        padding: 14px 18px 18px;
      }
      .layout {
        display: grid;
        grid-template-columns: min(400px, 48vh) minmax(280px, 420px);
        gap: 18px;
      }
      .left,
      .right {
        display: flex;
        flex-direction: column;
        gap: 10px;
        min-height: 0;
      }
      margin-nouns {
        height: min(430px, 52vh);
      }
      .backgrounds {
        display: flex;
        flex-wrap: wrap;
        gap: 4px;
        margin: 0;
        padding: 0;
        border: 0;
      }
      legend {
        padding: 0;
        margin-bottom: 3px;
        color: var(--m-muted);
        font-size: 14px;
      }
      .backgrounds label {
        display: inline-flex;
        align-items: center;
        gap: 5px;
        padding: 3px 9px 3px 6px;
        border: 1px solid var(--m-line);
        border-radius: var(--m-radius);
        color: var(--m-text);
        font-size: 14px;
        cursor: pointer;
      }
      .backgrounds label:has(:checked) {
        border-color: var(--m-text);
        background: var(--m-surface-2);
        font-weight: 600;
      }
      .foot {
        display: flex;
        gap: 8px;
        margin-top: auto;
      }
      .keys {
        font-size: 14px;
        color: var(--m-muted);
      }
      @media (max-width: 820px) {
        .layout {
          grid-template-columns: minmax(0, 1fr);
        }
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    const chosen = this.app && selectedImageOf(this.app.store.state)?.scene;
    if (chosen) this.scene = chosen;
    toyboxAtlas().then(
      (atlas) => {
        this.atlas = atlas;
      },
      (error: unknown) => {
        this.error = error instanceof Error ? error.message : String(error);
      },
    );
  }

  protected override render() {
    if (this.error) return html`<p class="empty" role="alert">${this.error}</p>`;
    if (!this.atlas) return html`<p class="muted" role="status">Unpacking the toys…</p>`;
    const full = this.scene.objects.length >= MAX_OBJECTS;
    return html`<div class="layout">
      <div class="left">
        <margin-stage
          .scene=${this.scene}
          .atlas=${this.atlas}
          @scene-change=${(event: CustomEvent<{ scene: Scene }>) => {
            this.scene = event.detail.scene;
          }}
        ></margin-stage>
        <p class="keys">Drag objects, or focus one and use the arrow keys, + and − for its size, S for its style, F to bring it to front, Delete.</p>
        <margin-truth .scene=${this.scene}></margin-truth>
      </div>
      <div class="right">
        ${this.renderBackgrounds()}
        <margin-nouns
          .atlas=${this.atlas}
          ?full=${full}
          @pick-noun=${(event: CustomEvent<{ noun: string }>) => this.add(event.detail.noun)}
        ></margin-nouns>
        ${full ? html`<p class="keys" role="status">The scene is full: ${MAX_OBJECTS} objects at most.</p>` : nothing}
        <div class="foot">
          <button class="primary" ?disabled=${this.scene.objects.length === 0} @click=${() => void this.use()}>Use this scene</button>
          <button @click=${this.surprise}>Surprise me</button>
          <button
            class="quiet"
            ?disabled=${this.scene.objects.length === 0}
            @click=${() => {
              this.scene = { ...this.scene, objects: [] };
            }}
          >
            Clear
          </button>
        </div>
      </div>
    </div>`;
  }

  private renderBackgrounds() {
    return html`<fieldset class="backgrounds">
      <legend>Background</legend>
      ${BACKGROUNDS.map(
        ({ name }) => html`<label>
          <input
            type="radio"
            name="background"
            value=${name}
            .checked=${name === this.scene.background}
            @change=${() => {
              this.scene = { ...this.scene, background: name };
            }}
          />${name}
        </label>`,
      )}
    </fieldset>`;
  }

  private add(noun: string): void {
    this.scene = add(this.scene, noun) ?? this.scene;
  }

  private surprise(): void {
    // From the far end of the seeds, away from those of the sample scenes.
    this.#surprises += 1;
    this.scene = randomScene(sampleSeed(this.app.store.state.settings.seed, 1000 - this.#surprises));
  }

  private async use(): Promise<void> {
    const { scene } = this;
    this.app.intents.closeOverlay();
    await this.app.intents.addScene(scene);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-composer': MarginComposer;
  }
}
