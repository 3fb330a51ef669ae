import { html, LitElement, nothing } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { samplesAnswers } from '../../kernels/losses/families/every.ts';
import type { App } from '../../state/app.ts';
import { ADAPTER_FILE } from '../../state/intents/training.ts';
import { objectiveNamed } from '../../state/objectives.ts';
import { Select } from '../../state/select.ts';
import type { RunRecord } from '../../state/state.ts';
import { intendedRun, type RunIntent, runToContinue } from '../../state/training/run.ts';
import { download } from '../pairs/download.ts';
import { bytes, count, number } from '../shared/format.ts';
import { icon } from '../shared/icons.ts';
import { shared } from '../shared/styles.ts';
import { FollowForecast, FollowTraining } from './follow.ts';
import './margin-train-answers.ts';
import './margin-train-compare.ts';
import './margin-train-curves.ts';
import './margin-train-held-out.ts';
import './margin-train-runs.ts';
import './margin-train-settings.ts';
import { trainingStyles } from './styles.ts';
import { secondsLeft, timeText } from './time.ts';

const VIEWS = [
  ['curves', 'Curves'],
  ['answers', 'Answers'],
  ['compare', 'Before / after'],
  ['held-out', 'Held-out'],
  ['runs', 'Runs'],
  ['settings', 'Settings'],
] as const;
type View = (typeof VIEWS)[number][0];

/**
 * Training: play, pause, step, rewind; curves, before / after, held-out hallucination, runs, settings.
 *
 * @property app - the page's application object
 */
@customElement('margin-training')
export class MarginTraining extends LitElement {
  @property({ attribute: false }) app!: App;
  @state() private view: View = 'curves';
  /** The step picked to go back to. */
  @state() private back: number | null = null;
  @query('input[type=file]') private input!: HTMLInputElement;

  #view = new Select(
    this,
    () => this.app?.store,
    (state) => ({
      training: state.training,
      settings: state.settings,
      pairs: state.pairs,
      adapter: state.adapter,
      engine: state.engine,
    }),
  );
  #follow = new FollowTraining(this, () => this.app);
  #forecast = new FollowForecast(this, () => this.app);

  static override styles = [shared, trainingStyles];

  protected override render() {
    const { training, settings } = this.#view.value;
    const samples = this.presentRun()?.reward !== undefined || samplesAnswers(settings.objective);
    return html`<div class="head">
        ${this.renderButtons()}
        <div class="status" role="status">${this.renderStatus()}</div>
        ${this.renderAdapter()}
      </div>
      <div class="body">
        <div class="views" role="group" aria-label="Training views">
          ${VIEWS.filter(([id]) => id !== 'answers' || samples).map(
            ([id, label]) =>
              html`<button
                aria-pressed=${this.view === id}
                @click=${() => {
                  this.view = id;
                }}
              >
                ${label}${id === 'runs' && training.runs.length > 1 ? html` <span class="muted">${training.runs.length}</span>` : nothing}
              </button>`,
          )}
        </div>
        ${this.renderView(this.view === 'answers' && !samples ? 'curves' : this.view)}
      </div>`;
  }

  private renderButtons() {
    const { intents, store } = this.app;
    const { training } = this.#view.value;
    const busy = training.phase !== 'idle';
    const why = this.#forecast.forecast.whyNot(store.state);
    // A button that is really disabled could not say why.
    const train = () => (why === null ? void intents.train() : intents.notify('info', why));
    const run = this.presentRun();
    const steps = [0, ...(run?.checkpoints ?? [])].filter((step) => run && step < run.step);
    const back = this.back !== null && steps.includes(this.back) ? this.back : null;
    return html`<div class="row buttons">
      <button class="primary" title=${why ?? 'Train (space)'} data-once ?disabled=${busy} aria-disabled=${why !== null} @click=${train}>
        ${icon('play')} Train
      </button>
      <button title="Pause after the step under way (space)" ?disabled=${!busy || training.phase === 'pausing'} @click=${() => intents.pauseTraining()}>
        ${icon('stop')} Pause
      </button>
      <button ?disabled=${busy || why !== null} title="One optimiser step" @click=${() => void intents.trainStep()}>Step</button>
      <button
        ?disabled=${!run && !this.#view.value.adapter}
        title="Take the adapter away: the policy is the reference again. The curves stay to compare with."
        @click=${() => void intents.resetTraining()}
      >
        Reset
      </button>
      ${
        steps.length > 0
          ? html`<select
              aria-label="Rewind to step"
              title="Pick a checkpoint to go back to; Train repeats what followed, with the same seed"
              ?disabled=${busy}
              @change=${(event: Event) => {
                const { value } = event.target as HTMLSelectElement;
                this.back = value === '' ? null : Number(value);
              }}
            >
              <option value="" .selected=${back === null}>Rewind…</option>
              ${steps.map((step) => html`<option value=${step} .selected=${back === step}>to step ${step}</option>`)}
            </select>`
          : nothing
      }${
        // A select alone would go back at the first arrow key.
        back !== null
          ? html`<button ?disabled=${busy} @click=${() => this.rewind(back)}>Go back to step ${back}</button>`
          : nothing
      }
    </div>`;
  }

  private renderStatus() {
    const { training, settings } = this.#view.value;
    const state = this.app.store.state;
    const run = this.presentRun();
    const { progress } = this.#follow.training;
    const of = progress ? ` ${progress.done} / ${progress.total}` : '';
    const objective = objectiveNamed(settings.objective)?.label ?? settings.objective;
    switch (training.phase) {
      case 'reference':
        return html`${progress?.what ?? (run?.reward ? 'Preparing the first step' : 'Scoring the pairs with the reference')}${of}${this.renderMemory(run)}`;
      case 'evaluating':
        return html`${progress?.what ?? 'Looking at the policy'}${of} <button class="quiet" title="Leave this examination out; the run goes on" @click=${() => this.app.intents.skipExamination()}>Skip</button>`;
      case 'comparing':
        return html`Answering before / after…`;
      case 'pausing':
        return html`Waiting for the current step to finish…`;
      case 'training':
        return html`${this.renderSteps(run)}${progress?.what ? html`<span class="muted">${progress.what}${of}</span>` : nothing}${this.renderMemory(run)}`;
      case 'idle': {
        const { forecast } = this.#forecast;
        const why = forecast.whyNot(state);
        if (why) return html`<span class=${forecast.now?.kind === 'refused' ? 'message' : 'muted'}>${why}</span>`;
        const intent = intendedRun(state);
        const next = runToContinue(state, intent);
        if (next) {
          return next.status === 'failed'
            ? html`<span class="message">${next.message}</span>`
            : html`${next.message ?? nothing} Run ${next.ordinal} paused at step ${next.step} of ${next.steps}; Train goes on.${this.renderForecast()}`;
        }
        const done = run?.status === 'finished' || run?.status === 'stopped' ? this.renderSteps(run) : nothing;
        return html`${done} ${run?.status === 'stopped' ? html`<span class="message">${run.message}</span>` : nothing}
          <span class="muted">${this.sayNext(intent, run !== undefined)} with ${objective}.</span>${this.renderForecast()}`;
      }
      default:
        return training.phase satisfies never;
    }
  }

  /** What Train starts, up to its objective. */
  private sayNext({ pairs, reward, from }: RunIntent, anew: boolean): string {
    const items = count(pairs, reward ? 'prompt' : 'pair');
    if (!from) return `Train ${anew ? 'starts anew' : 'learns'} from ${items}`;
    return `Train ${anew ? 'starts anew' : 'goes on'} from ${from.name ?? 'the imported adapter'} and ${items}`;
  }

  private renderSteps(run: RunRecord | undefined) {
    if (!run) return nothing;
    const log = this.#follow.training.log(run.id);
    const left = secondsLeft(log, run.steps);
    return html`<strong>step ${log.step} / ${run.steps}</strong>
      <progress max=${run.steps} value=${log.step} aria-label="Steps"></progress>
      <span>${number(log.last('tokens_per_second'), 0)} tokens/s</span>
      ${run.status === 'running' && left !== undefined ? html`<span>${timeText(left)} left</span>` : nothing}`;
  }

  private renderMemory({ trainingBytes = 0, parameters = 0 }: Partial<RunRecord> = {}) {
    return trainingBytes > 0
      ? html`<span
          class="muted memory"
          title="Peak GPU memory of a step beside the model. The adapter has ${parameters.toLocaleString('en')} trainable numbers."
          >Peak memory ${bytes(trainingBytes)}</span
        >`
      : nothing;
  }

  /** The same of the run that Train would start. */
  private renderForecast() {
    const { now } = this.#forecast.forecast;
    return now?.kind === 'fits' ? this.renderMemory(now) : nothing;
  }

  private renderAdapter() {
    const { adapter, training } = this.#view.value;
    const busy = training.phase !== 'idle';
    return html`<div class="row">
      <button
        class="quiet"
        title="The adapter as a PEFT folder (adapter_config.json, adapter_model.safetensors) in a ZIP"
        ?disabled=${!adapter || busy}
        @click=${() => void this.exportAdapter()}
      >
        ${icon('download')} Export adapter
      </button>
      <button class="quiet" title="Load a PEFT LoRA adapter (ZIP)" ?disabled=${busy} @click=${() => this.input.click()}>
        ${icon('upload')} Import adapter
      </button>
      <input type="file" accept=".zip,application/zip" hidden aria-label="Adapter file" @change=${this.onFile} />
    </div>`;
  }

  private renderView(view: View) {
    const { app } = this;
    switch (view) {
      case 'curves':
        return this.#view.value.training.runs.length > 0
          ? html`<margin-train-curves .app=${app}></margin-train-curves>`
          : this.renderEmpty();
      case 'answers':
        return html`<margin-train-answers .app=${app}></margin-train-answers>`;
      case 'compare':
        return html`<margin-train-compare .app=${app}></margin-train-compare>`;
      case 'held-out':
        return html`<margin-train-held-out .app=${app}></margin-train-held-out>`;
      case 'runs':
        return html`<margin-train-runs .app=${app}></margin-train-runs>`;
      case 'settings':
        return html`<margin-train-settings .app=${app}></margin-train-settings>`;
      default:
        return view satisfies never;
    }
  }

  private renderEmpty() {
    return html`<div class="empty">
      <p>
        <strong>Train</strong> teaches the model your pairs: a small LoRA adapter learns, the model itself stays as it is.
        Loss, rewards and margins are drawn step by step, with the names TRL logs; afterwards <em>Before / after</em> shows what
        changed and <em>Held-out</em> whether it invents less. Space plays and pauses.
      </p>
    </div>`;
  }

  /** The run that is under way or was the last. */
  private presentRun(): RunRecord | undefined {
    const { runs, run } = this.#view.value.training;
    return runs.find(({ id }) => id === run);
  }

  private rewind(step: number): void {
    this.back = null;
    void this.app.intents.rewindTraining(step);
  }

  private async exportAdapter(): Promise<void> {
    const blob = await this.app.intents.exportAdapter();
    if (blob) download(blob, ADAPTER_FILE);
  }

  private onFile(): void {
    const file = this.input.files?.[0];
    this.input.value = '';
    if (file) void this.app.intents.importAdapter(file);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-training': MarginTraining;
  }
}
