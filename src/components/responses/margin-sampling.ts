import { css, html, LitElement } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { App } from '../../state/app.ts';
import { type NumericSetting, SETTING_RANGES } from '../../state/defaults.ts';
import { Select } from '../../state/select.ts';
import { base, fields } from '../shared/styles.ts';

const SETTINGS: readonly { key: NumericSetting; label: string; step: number; title: string }[] = [
  { key: 'n', label: 'Answers', step: 1, title: 'How many answers to sample' },
  { key: 'temperature', label: 'Temperature', step: 0.1, title: '0 is greedy; higher is more varied' },
  {
    key: 'topP',
    label: 'Top-p',
    step: 0.05,
    title: 'Sample from the smallest set of tokens with this much probability',
  },
  { key: 'maxTokens', label: 'Max tokens', step: 1, title: 'Answers longer than this are cut off' },
  { key: 'seed', label: 'Seed', step: 1, title: 'The same seed gives the same answers' },
];

/**
 * The sampling settings as one row of number fields.
 *
 * @property app - the page's application object
 */
@customElement('margin-sampling')
export class MarginSampling extends LitElement {
  @property({ attribute: false }) app!: App;
  #settings = new Select(
    this,
    () => this.app?.store,
    ({ settings }) => SETTINGS.map(({ key }) => settings[key]),
  );

  static override styles = [
    base,
    fields,
    css`
      fieldset {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(86px, 1fr));
        gap: 8px;
        margin: 0;
        padding: 0;
        border: 0;
        min-width: 0;
      }
      label {
        display: grid;
        gap: 1px;
        white-space: nowrap;
      }
    `,
  ];

  protected override render() {
    const values = this.#settings.value;
    return html`<fieldset>
      <legend class="visually-hidden">Sampling</legend>
      ${SETTINGS.map(({ key, label, step, title }, i) => {
        const { min, max } = SETTING_RANGES[key];
        return html`<label title=${title}
          >${label}<input
            type="number"
            inputmode="decimal"
            min=${min}
            max=${max}
            step=${step}
            .value=${String(values[i])}
            @change=${(event: Event) => this.change(key, event.target as HTMLInputElement)}
        /></label>`;
      })}
    </fieldset>`;
  }

  private change(key: NumericSetting, field: HTMLInputElement): void {
    const before = this.app.store.state.settings[key];
    const value = field.valueAsNumber;
    if (!Number.isNaN(value)) this.app.intents.setSetting(key, value);
    // The intent keeps the value inside its range; the field must show what was kept even when nothing changed.
    const after = this.app.store.state.settings[key];
    if (after === before) field.value = String(after);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-sampling': MarginSampling;
  }
}
