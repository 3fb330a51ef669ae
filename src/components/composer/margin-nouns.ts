import { css, html, LitElement, nothing, type PropertyValues } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { type Atlas, NOUNS, type Noun, SPRITE_SIZES } from '../../toybox/index.ts';
import { base, buttons, fields } from '../shared/styles.ts';
import { drawSprite } from './draw.ts';

/** Groups in the order of the vocabulary. */
const GROUPS = [...new Set(NOUNS.map(({ group }) => group))];

/** Nouns whose name, synonym or group contains the words. */
export function nounsMatching(words: string): Noun[] {
  const wanted = words.trim().toLowerCase();
  return NOUNS.filter(({ noun, plural, synonyms, group }) =>
    [noun, plural, group, ...synonyms].some((word) => word.includes(wanted)),
  );
}

/**
 * The nouns of the Toybox world, by group, with a search field.
 *
 * @property atlas - the sprites
 * @property full - whether the scene takes no more objects
 * @fires pick-noun - `detail.noun`
 */
@customElement('margin-nouns')
export class MarginNouns extends LitElement {
  @property({ attribute: false }) atlas!: Atlas;
  @property({ type: Boolean }) full = false;
  @state() private words = '';

  static override styles = [
    base,
    buttons,
    fields,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 6px;
        min-height: 0;
      }
      .groups {
        flex: 1;
        min-height: 0;
        overflow: auto;
      }
      h3 {
        margin: 8px 0 3px;
        color: var(--m-muted);
        font-size: 14px;
        font-weight: 600;
      }
      ul {
        display: flex;
        flex-wrap: wrap;
        gap: 4px;
        margin: 0;
        padding: 2px;
        list-style: none;
      }
      button {
        gap: 4px;
        padding: 1px 8px 1px 3px;
        border-color: var(--m-line);
      }
      canvas {
        width: 24px;
        height: 24px;
      }
    `,
  ];

  protected override updated(_changed: PropertyValues): void {
    for (const canvas of this.renderRoot.querySelectorAll<HTMLCanvasElement>('canvas:not([data-drawn])')) {
      const noun = NOUNS.find((entry) => entry.noun === canvas.dataset.noun);
      if (noun) drawSprite(canvas, noun.noun, noun.styles[0], SPRITE_SIZES[0], this.atlas);
      canvas.dataset.drawn = '';
    }
  }

  protected override render() {
    const found = new Set(nounsMatching(this.words).map(({ noun }) => noun));
    return html`<input
        type="search"
        aria-label="Search objects"
        placeholder="Search objects"
        .value=${this.words}
        @input=${(event: Event) => {
          this.words = (event.target as HTMLInputElement).value;
        }}
        @keydown=${this.onSearchKey}
      />
      <div class="groups" tabindex="-1">
        ${GROUPS.map((group) => {
          const nouns = NOUNS.filter((entry) => entry.group === group);
          const any = nouns.some(({ noun }) => found.has(noun));
          return html`<div ?hidden=${!any}>
            <h3 id=${group}>${group}</h3>
            <ul aria-labelledby=${group}>
              ${nouns.map(
                ({ noun }) => html`<li ?hidden=${!found.has(noun)}>
                  <button aria-label=${`Add ${noun}`} ?disabled=${this.full} @click=${() => this.pick(noun)}>
                    <canvas data-noun=${noun} aria-hidden="true"></canvas>${noun}
                  </button>
                </li>`,
              )}
            </ul>
          </div>`;
        })}
        ${found.size === 0 ? html`<p class="muted" role="status">No such object in the Toybox world.</p>` : nothing}
      </div>`;
  }

  /** Enter takes the first noun that matches. */
  private onSearchKey(event: KeyboardEvent): void {
    if (event.key !== 'Enter' || this.full) return;
    event.preventDefault();
    const first = this.words.trim() ? nounsMatching(this.words)[0] : undefined;
    if (first) this.pick(first.noun);
  }

  private pick(noun: string): void {
    this.dispatchEvent(new CustomEvent('pick-noun', { detail: { noun } }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-nouns': MarginNouns;
  }
}
