import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { type EveryLoss, everyLoss, shelfOf } from '../../kernels/losses/families/every.ts';
import { base, fields } from '../shared/styles.ts';

/**
 * A combo box over losses of every family, under their families' headings.
 *
 * @property label - its accessible name
 * @property losses - what can be picked
 * @property value - id of the picked one; empty shows the placeholder, and goes back to it after a choice
 * @property placeholder - words that stand for no choice
 * @fires loss-change - detail: id
 */
@customElement('margin-loss-picker')
export class MarginLossPicker extends LitElement {
  @property() label = 'Objective';
  @property({ attribute: false }) losses: readonly EveryLoss[] = everyLoss;
  @property() value = '';
  @property() placeholder = '';

  static override styles = [
    base,
    fields,
    css`
      :host {
        min-width: 0;
      }
      select {
        font-size: inherit;
        font-weight: inherit;
      }
    `,
  ];

  protected override render() {
    const shelves = [...new Set(this.losses.map(shelfOf))];
    return html`<select aria-label=${this.label} @change=${this.onChange}>
      ${this.value ? nothing : html`<option value="" selected>${this.placeholder}</option>`}
      ${shelves.map(
        (shelf) => html`<optgroup label=${shelf}>
          ${this.losses
            .filter((each) => shelfOf(each) === shelf)
            .map(
              ({ loss }) => html`<option value=${loss.id} .selected=${loss.id === this.value}>${loss.label}</option>`,
            )}
        </optgroup>`,
      )}
    </select>`;
  }

  private onChange(event: Event): void {
    const select = event.target as HTMLSelectElement;
    const id = select.value;
    if (!this.value) select.value = '';
    if (id) this.dispatchEvent(new CustomEvent('loss-change', { detail: id, bubbles: true, composed: true }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-loss-picker': MarginLossPicker;
  }
}
