import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { doubtful, PHOTO_NOUNS, pluralOf, type Seen, type Sighting } from '../../photographs/index.ts';
import { count, percent } from '../shared/format.ts';
import { errorSource, errorWords } from '../shared/judged.ts';
import { base, buttons, panel } from '../shared/styles.ts';

/** "dog", "2 cups": a class with the number of its boxes. */
export function sightingWords({ noun, boxes }: Sighting): string {
  return boxes.length === 1 ? noun : `${boxes.length} ${pluralOf(noun)}`;
}

/**
 * What the detector saw in a photograph, as chips, with its own error rates.
 *
 * @property seen - what it saw; undefined until it has looked
 * @property error - why it could not look, where it could not
 * @property pinned - the class whose boxes a press holds in view; null for none
 * @fires point - a class is pointed at, or none any more: `detail` is its noun or null
 * @fires pin - a chip is pressed: `detail` is its noun
 * @fires look - a person wants the detector to try again
 */
@customElement('margin-seen')
export class MarginSeen extends LitElement {
  @property({ attribute: false }) seen: Seen | undefined;
  @property({ attribute: false }) error: string | undefined;
  @property({ attribute: false }) pinned: string | null = null;

  static override styles = [
    base,
    buttons,
    panel,
    css`
      :host {
        display: grid;
        gap: 4px;
        font-size: var(--m-size-small);
      }
      ul {
        display: flex;
        flex-wrap: wrap;
        gap: 4px;
        margin: 0;
        padding: 0;
        list-style: none;
      }
      button {
        min-height: 24px;
      }
      button.chip:is(:hover, :focus-visible, [aria-pressed='true']) {
        border-color: var(--m-focus);
      }
      button.chip[aria-pressed='true'] {
        font-weight: 600;
      }
      summary {
        cursor: pointer;
      }
    `,
  ];

  protected override render() {
    const { seen, error } = this;
    if (seen) return this.renderSeen(seen);
    if (!error) return html`<p class="muted" role="status">The detector has not looked yet.</p>`;
    return html`<p role="alert">
      The detector could not look: ${error}
      <button @click=${() => this.tell('look', null)}>Look again</button>
    </p>`;
  }

  private renderSeen(seen: Seen) {
    const shown = seen.things.filter(({ boxes }) => boxes.length > 0);
    const unsure = doubtful(seen);
    return html`${
      shown.length > 0
        ? html`<ul aria-label="Seen by the detector">
            ${shown.map((thing) => this.renderChip(thing))}
          </ul>`
        : html`<p class="muted">The detector sees none of the ${PHOTO_NOUNS.length} kinds of thing it knows.</p>`
    }
    ${
      unsure.length > 0
        ? html`<details class="muted">
            <summary>Not sure of ${count(unsure.length, 'other')}</summary>
            ${unsure.join(', ')}. They count neither for nor against an answer.
          </details>`
        : nothing
    }
    ${seen.judged ? html`<p class="muted" title=${errorSource(seen.judged)}>${errorWords(seen.judged)}</p>` : nothing}`;
  }

  private renderChip(thing: Sighting) {
    const { noun, chance } = thing;
    return html`<li>
      <button
        class="chip"
        aria-pressed=${this.pinned === noun}
        title=${`The detector is ${percent(chance)} sure. Press to keep its boxes in view.`}
        @pointerenter=${() => this.tell('point', noun)}
        @pointerleave=${() => this.tell('point', null)}
        @focus=${() => this.tell('point', noun)}
        @blur=${() => this.tell('point', null)}
        @click=${() => this.tell('pin', noun)}
      >
        ${sightingWords(thing)}
      </button>
    </li>`;
  }

  private tell(type: 'point' | 'pin' | 'look', noun: string | null): void {
    this.dispatchEvent(new CustomEvent(type, { detail: noun }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-seen': MarginSeen;
  }
}
