import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { samplesAnswers } from '../../kernels/losses/families/every.ts';
import { examinationFor } from '../../preference/examinations.ts';
import type { App } from '../../state/app.ts';
import { Select } from '../../state/select.ts';
import { startOf } from '../../state/training/run.ts';
import { REWARDS, type TrainingSettings, trainingFields, withTraining } from '../../state/training/settings.ts';
import { worldLoaded } from '../../state/worlds.ts';
import { LR_SCHEDULER_TYPES, TARGET_MODULES } from '../../training/config.ts';
import { icon } from '../shared/icons.ts';
import { shared } from '../shared/styles.ts';
import { FollowForecast } from './follow.ts';
import { CHECKS, type Field, LOOKING, LORA, OPTIMISER, REWARD_WORDS, SAMPLING_FIELDS } from './settings-fields.ts';

/**
 * The training settings, under TRL's and PEFT's names.
 *
 * @property app - the page's application object
 */
@customElement('margin-train-settings')
export class MarginTrainSettings extends LitElement {
  @property({ attribute: false }) app!: App;
  @state() private refused = '';
  #view = new Select(
    this,
    () => this.app?.store,
    ({ settings }) => settings.training,
  );
  #objective = new Select(
    this,
    () => this.app?.store,
    ({ settings }) => settings.objective,
  );
  #world = new Select(
    this,
    () => this.app?.store,
    ({ engine }) => worldLoaded(engine) ?? 'toybox',
  );
  #from = new Select(
    this,
    () => this.app?.store,
    (state) => startOf(state)?.lora,
  );
  #follow = new FollowForecast(this, () => this.app);

  static override styles = [
    shared,
    css`
      :host {
        display: grid;
        grid-template-columns: minmax(0, 1.8fr) minmax(0, 1fr) minmax(0, 1.4fr);
        gap: 6px 26px;
        align-content: start;
        overflow: auto;
      }
      @media (max-width: 760px) {
        :host {
          grid-template-columns: minmax(0, 1fr);
        }
      }
      fieldset {
        min-width: 0;
        margin: 0;
        padding: 0;
        border: 0;
      }
      legend {
        margin-bottom: 3px;
        padding: 0;
        font-weight: 650;
        font-size: 14px;
      }
      .grid {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(90px, 1fr));
        gap: 5px 10px;
        align-items: end;
      }
      label {
        display: block;
        font-size: 13.5px;
      }
      .checks {
        display: flex;
        flex-wrap: wrap;
        gap: 2px 12px;
        margin-top: 5px;
      }
      .check {
        display: inline-flex;
        gap: 5px;
        align-items: center;
        color: var(--m-text);
      }
      .rhythm {
        margin-top: 5px;
      }
      .refused {
        grid-column: 1 / -1;
        color: var(--m-danger);
        font-size: 14px;
      }
      .sampling {
        grid-column: 1 / -1;
      }
      .wide {
        grid-column: span 3;
      }
      .defaults {
        margin-top: 8px;
      }
    `,
  ];

  protected override render() {
    const settings = this.#view.value;
    const file = this.#from.value;
    const modules = (file ?? settings).target_modules;
    return html`${samplesAnswers(this.#objective.value) ? this.renderSampling() : nothing}
      <fieldset>
        <legend>Optimiser and data</legend>
        <div class="grid">
          ${OPTIMISER.map((field) => this.renderField(field))}
          <label title="lr_scheduler_type: how the rate changes over the run"
            >schedule
            <select
              @change=${(event: Event) => this.set({ lr_scheduler_type: (event.target as HTMLSelectElement).value as TrainingSettings['lr_scheduler_type'] })}
            >
              ${LR_SCHEDULER_TYPES.map((type) => html`<option ?selected=${type === settings.lr_scheduler_type}>${type}</option>`)}
            </select>
          </label>
        </div>
      </fieldset>
      <fieldset>
        <legend>LoRA adapter</legend>
        <div class="grid">${LORA.map((field) => this.renderField(field, file))}</div>
        <div class="checks" role="group" aria-label="Target modules">
          ${TARGET_MODULES.map(
            (name) => html`<label class="check"
              ><input
                type="checkbox"
                ?disabled=${file !== undefined}
                .checked=${modules.includes(name)}
                @change=${(event: Event) => {
                  const on = (event.target as HTMLInputElement).checked;
                  this.set({ target_modules: on ? [...modules, name] : modules.filter((each) => each !== name) });
                  (event.target as HTMLInputElement).checked = this.now.target_modules.includes(name);
                }}
              />${name}</label
            >`,
          )}
        </div>
        ${file ? html`<p class="rhythm small" data-said="from-file">Rank, alpha and target modules are those of the imported adapter, until Reset.</p>` : nothing}
      </fieldset>
      <fieldset>
        <legend>Held-out ${examinationFor(this.#world.value).many} and KL</legend>
        <div class="grid">${LOOKING.map((field) => this.renderField(field))}</div>
        <div class="checks">
          ${CHECKS.map(
            ({ key, label, title }) => html`<label class="check" title=${title}
              ><input
                type="checkbox"
                .checked=${settings[key]}
                @change=${(event: Event) => {
                  const box = event.target as HTMLInputElement;
                  this.set({ [key]: box.checked });
                  box.checked = this.now[key];
                }}
              />${label}</label
            >`,
          )}
        </div>
        ${this.renderRhythm(settings)}
        <button class="quiet defaults" ?disabled=${trainingFields(settings, this.app.store.state.settings.objective).length === 0} @click=${() => this.defaults()}>
          ${icon('reset')} Defaults
        </button>
      </fieldset>
      ${this.refused ? html`<p class="refused" role="alert">${this.refused}</p>` : nothing}`;
  }

  /** When early stopping looks: at examinations, so it says how often these are. */
  private renderRhythm({ early_stopping, eval_steps }: TrainingSettings) {
    if (!early_stopping) return nothing;
    const { now } = this.#follow.forecast;
    const late = now?.kind === 'fits' && now.steps <= eval_steps;
    return html`<p class="rhythm small" role="status">
      ${
        late
          ? `Early stopping looks every ${eval_steps} steps, and this run has ${now.steps}: it could act only after the last one. Set “every … steps” lower.`
          : `Early stopping looks every ${eval_steps} steps, and goes back to the best one when held-out F1 falls while the margin rises.`
      }
    </p>`;
  }

  /** Only for objectives that sample their own answers. */
  private renderSampling() {
    const { reward } = this.#view.value;
    return html`<fieldset class="sampling">
      <legend>Sampled answers</legend>
      <div class="grid">
      ${SAMPLING_FIELDS.map((field) => this.renderField(field))}
      <label class="wide" title="reward: what a sampled answer earns; the truth is the scene’s, or what the detector saw in a photograph"
        >reward
        <select @change=${(event: Event) => this.set({ reward: (event.target as HTMLSelectElement).value as TrainingSettings['reward'] })}>
          ${REWARDS.map((name) => html`<option value=${name} ?selected=${name === reward}>${REWARD_WORDS[name]}</option>`)}
        </select>
      </label>
      </div>
    </fieldset>`;
  }

  /** @param fixed values that the page cannot change now. */
  private renderField({ key, label, title }: Field, fixed: Partial<TrainingSettings> = {}) {
    return html`<label title=${title}
      >${label}
      <input
        type="number"
        step="any"
        name=${key}
        ?disabled=${key in fixed}
        .value=${String(fixed[key] ?? this.#view.value[key])}
        @change=${(event: Event) => {
          const input = event.target as HTMLInputElement;
          this.set({ [key]: input.valueAsNumber });
          // The field must show what was kept, also when nothing changed.
          input.value = String(this.now[key]);
        }}
      />
    </label>`;
  }

  /** For event handlers: to read the selection between two drawings would make it miss the change. */
  private get now(): TrainingSettings {
    return this.app.store.state.settings.training;
  }

  private set(changes: Partial<TrainingSettings>): void {
    try {
      withTraining(this.now, changes);
      this.refused = '';
      this.app.intents.setTraining(changes);
    } catch (error) {
      this.refused = `${(error as Error).message} The old value was kept.`;
    }
  }

  private defaults(): void {
    this.refused = '';
    this.app.intents.resetTrainingSettings();
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-train-settings': MarginTrainSettings;
  }
}
