import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { samplesAnswers } from '../../kernels/losses/families/every.ts';
import type { App } from '../../state/app.ts';
import { Select } from '../../state/select.ts';
import { DEFAULT_TRAINING, REWARDS, type TrainingSettings, withTraining } from '../../state/training/settings.ts';
import { LR_SCHEDULER_TYPES, TARGET_MODULES } from '../../training/config.ts';
import { icon } from '../shared/icons.ts';
import { shared } from '../shared/styles.ts';

type NumberKey = {
  [K in keyof TrainingSettings]: TrainingSettings[K] extends number ? K : never;
}[keyof TrainingSettings];

interface Field {
  readonly key: NumberKey;
  readonly label: string;
  readonly title: string;
}

const OPTIMISER: readonly Field[] = [
  { key: 'learning_rate', label: 'learning rate', title: 'learning_rate: size of AdamW’s steps' },
  { key: 'num_train_epochs', label: 'epochs', title: 'num_train_epochs: passes over all pairs' },
  { key: 'max_steps', label: 'max steps', title: 'max_steps: optimiser steps; above 0 it overrides the epochs' },
  { key: 'per_device_train_batch_size', label: 'batch', title: 'per_device_train_batch_size: pairs of one pass' },
  {
    key: 'gradient_accumulation_steps',
    label: 'accumulation',
    title: 'gradient_accumulation_steps: passes averaged into one step; less memory than a larger batch',
  },
  { key: 'warmup_steps', label: 'warm-up', title: 'warmup_steps: steps in which the rate rises from 0' },
  { key: 'weight_decay', label: 'weight decay', title: 'weight_decay: decoupled, as AdamW does it' },
  {
    key: 'max_grad_norm',
    label: 'clip norm',
    title: 'max_grad_norm: gradients are scaled down to this norm; 0 leaves them',
  },
  { key: 'seed', label: 'seed', title: 'seed: order of the pairs and first values of the adapter' },
  {
    key: 'save_steps',
    label: 'save every',
    title: 'save_steps: steps between checkpoints; a closed tab costs at most these',
  },
];
const LORA: readonly Field[] = [
  { key: 'r', label: 'rank r', title: 'r: rank of the adapter' },
  { key: 'lora_alpha', label: 'α alpha', title: 'lora_alpha: the adapter is scaled by alpha / r' },
  {
    key: 'lora_dropout',
    label: 'dropout',
    title: 'lora_dropout: share of the adapter’s inputs that training drops, drawn anew for every pass',
  },
];
const LOOKING: readonly Field[] = [
  {
    key: 'eval_scenes',
    label: 'scenes',
    title: 'eval_scenes: scenes described in an examination; 0 for none',
  },
  {
    key: 'eval_pope_scenes',
    label: 'POPE scenes',
    title: 'eval_pope_scenes: of these scenes, how many are also asked about (yes / no questions); 0 for none',
  },
  { key: 'eval_steps', label: 'every … steps', title: 'eval_steps: steps; 0 examines only after the last one' },
  {
    key: 'kl_answers',
    label: 'KL answers',
    title:
      'kl_answers: answers the policy samples to the training prompts to measure its KL to the reference; 0 for none',
  },
  { key: 'kl_steps', label: 'KL every', title: 'kl_steps: steps; 0 measures with the examinations' },
];
const SAMPLING_FIELDS: readonly Field[] = [
  {
    key: 'num_generations',
    label: 'answers',
    title: 'num_generations: answers sampled to each prompt; objectives that compare two always take two',
  },
  { key: 'temperature', label: 'temperature', title: 'temperature: of sampling; near 1, or all answers are alike' },
  { key: 'top_p', label: 'top p', title: 'top_p: nucleus of sampling; 1 takes every token' },
  {
    key: 'max_completion_length',
    label: 'most tokens',
    title: 'max_completion_length: most tokens of a sampled answer',
  },
];
/** What an answer earns, in words. */
const REWARD_WORDS = {
  clip: 'clip: like the picture',
  truth: 'truth: seen less invented',
} as const;
const CHECKS = [
  {
    key: 'early_stopping',
    label: 'early stopping',
    title: 'Stops and goes back to the best step when held-out quality falls while the margin rises',
  },
  {
    key: 'phase_times',
    label: 'time the phases',
    title:
      'phase_times: measures forward, loss, backward and optimizer of every step on the GPU; steps take a little longer',
  },
] as const;

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
    const modules = settings.target_modules;
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
        <div class="grid">${LORA.map((field) => this.renderField(field))}</div>
        <div class="checks" role="group" aria-label="Target modules">
          ${TARGET_MODULES.map(
            (name) => html`<label class="check"
              ><input
                type="checkbox"
                .checked=${modules.includes(name)}
                @change=${(event: Event) => {
                  const on = (event.target as HTMLInputElement).checked;
                  this.set({ target_modules: on ? [...modules, name] : modules.filter((each) => each !== name) });
                  (event.target as HTMLInputElement).checked = this.#view.value.target_modules.includes(name);
                }}
              />${name}</label
            >`,
          )}
        </div>
      </fieldset>
      <fieldset>
        <legend>Held-out scenes and KL</legend>
        <div class="grid">${LOOKING.map((field) => this.renderField(field))}</div>
        <div class="checks">
          ${CHECKS.map(
            ({ key, label, title }) => html`<label class="check" title=${title}
              ><input
                type="checkbox"
                .checked=${settings[key]}
                @change=${(event: Event) => this.set({ [key]: (event.target as HTMLInputElement).checked })}
              />${label}</label
            >`,
          )}
        </div>
        <button class="quiet defaults" ?disabled=${settings === DEFAULT_TRAINING} @click=${() => this.defaults()}>
          ${icon('reset')} Defaults
        </button>
      </fieldset>
      ${this.refused ? html`<p class="refused" role="alert">${this.refused}</p>` : nothing}`;
  }

  /** Only for objectives that sample their own answers. */
  private renderSampling() {
    const { reward } = this.#view.value;
    return html`<fieldset class="sampling">
      <legend>Sampled answers</legend>
      <div class="grid">
      ${SAMPLING_FIELDS.map((field) => this.renderField(field))}
      <label class="wide" title="reward: what a sampled answer earns; the truth is known of Toybox pictures only"
        >reward
        <select @change=${(event: Event) => this.set({ reward: (event.target as HTMLSelectElement).value as TrainingSettings['reward'] })}>
          ${REWARDS.map((name) => html`<option value=${name} ?selected=${name === reward}>${REWARD_WORDS[name]}</option>`)}
        </select>
      </label>
      </div>
    </fieldset>`;
  }

  private renderField({ key, label, title }: Field) {
    return html`<label title=${title}
      >${label}
      <input
        type="number"
        step="any"
        name=${key}
        .value=${String(this.#view.value[key])}
        @change=${(event: Event) => {
          const input = event.target as HTMLInputElement;
          this.set({ [key]: input.valueAsNumber });
          // The field must show what was kept, also when nothing changed.
          input.value = String(this.#view.value[key]);
        }}
      />
    </label>`;
  }

  private set(changes: Partial<TrainingSettings>): void {
    try {
      withTraining(this.#view.value, changes);
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
