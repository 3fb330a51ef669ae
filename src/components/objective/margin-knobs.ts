import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { LossDescription } from '../../kernels/losses/families/description.ts';
import type { Hyperparameter, HyperparameterValues } from '../../kernels/losses/objective.ts';
import type { App } from '../../state/app.ts';
import { refusal } from '../../state/objectives.ts';
import { icon } from '../shared/icons.ts';
import { base, buttons, fields } from '../shared/styles.ts';

/**
 * A slider and a number field for each hyperparameter of an objective, and one button back to the defaults.
 *
 * @property app - the page's application object
 * @property objective - whose hyperparameters
 * @property values - every hyperparameter, defaults filled in
 */
@customElement('margin-knobs')
export class MarginKnobs extends LitElement {
  @property({ attribute: false }) app!: App;
  @property({ attribute: false }) objective!: LossDescription;
  @property({ attribute: false }) values: HyperparameterValues = {};
  @state() private refused = '';

  static override styles = [
    base,
    buttons,
    fields,
    css`
      .knobs {
        display: grid;
        grid-template-columns: minmax(min-content, max-content) minmax(50px, 1fr) 78px 28px;
        align-items: center;
        gap: 4px 8px;
      }
      .name {
        color: var(--m-text);
        font-size: var(--m-size);
      }
      .symbol {
        font-family: var(--m-font-serif);
        font-size: 19px;
        font-style: italic;
      }
      input[type='number'] {
        min-height: 28px;
        padding: 2px 6px;
      }
      button.icon {
        min-height: 28px;
        min-width: 28px;
        padding: 2px;
      }
      .refused {
        color: var(--m-danger);
        font-size: var(--m-size-small);
      }
    `,
  ];

  protected override render() {
    if (this.objective.hyperparameters.length === 0) return nothing;
    return html`<div class="knobs" role="group" aria-label="Hyperparameters">
        ${this.objective.hyperparameters.map((knob, i) => this.renderKnob(knob, i === 0))}
      </div>
      ${this.refused ? html`<p class="refused" role="alert">${this.refused}</p>` : nothing}`;
  }

  private renderKnob(knob: Hyperparameter, first: boolean) {
    const name = `${knob.symbol} ${knob.word}`;
    const [letter, index] = knob.symbol.split('_');
    const value = this.values[knob.key];
    const changed = this.objective.hyperparameters.some(({ key, default: fallback }) => this.values[key] !== fallback);
    const onInput = (event: Event) => this.set(knob, (event.target as HTMLInputElement).valueAsNumber);
    return html`<span class="name" title=${knob.doc}><span class="symbol">${letter}${index ? html`<sub>${index}</sub>` : nothing}</span> ${knob.word}</span>
      <input
        type="range"
        aria-label=${name}
        title=${knob.doc}
        min=${knob.min}
        max=${knob.max}
        step=${knob.step}
        .value=${String(value)}
        @input=${onInput}
      />
      <input
        type="number"
        aria-label=${`${name}, value`}
        min=${knob.min}
        max=${knob.max}
        step="any"
        .value=${String(value)}
        @change=${(event: Event) => {
          onInput(event);
          // The field must show what was kept, also when nothing changed.
          (event.target as HTMLInputElement).value = String(this.values[knob.key]);
        }}
      />
      ${
        first
          ? html`<button
            class="icon quiet"
            aria-label="Reset hyperparameters"
            title="Back to the defaults"
            ?disabled=${!changed}
            @click=${() => {
              this.refused = '';
              this.app.intents.resetHyperparameters(this.objective.id);
            }}
          >
            ${icon('reset')}
          </button>`
          : html`<span></span>`
      }`;
  }

  private set(knob: Hyperparameter, value: number): void {
    this.refused = refusal(this.objective, this.app.store.state.settings, knob.key, value) ?? '';
    if (!this.refused) this.app.intents.setHyperparameter(this.objective.id, knob.key, value);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-knobs': MarginKnobs;
  }
}
