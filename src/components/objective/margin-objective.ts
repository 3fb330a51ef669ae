import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { PairRow } from '../../engine/engine.ts';
import { prepareBatch } from '../../kernels/losses/evaluate.ts';
import { objectives } from '../../kernels/losses/index.ts';
import { pairInputs } from '../../kernels/losses/inputs.ts';
import { fullFormula, type HyperparameterValues, type Objective } from '../../kernels/losses/objective.ts';
import type { App } from '../../state/app.ts';
import { DRAFT } from '../../state/evaluation.ts';
import { hyperparameterValues, objectiveNamed } from '../../state/objectives.ts';
import { Select } from '../../state/select.ts';
import { number } from '../shared/format.ts';
import { FollowPointed, pointersOf } from '../shared/pointed.ts';
import { shared } from '../shared/styles.ts';
import { type Figures, FollowEvaluation, referenceIsPolicy, typedFigures } from './figures.ts';
import './margin-curve.ts';
import type { Dot } from './margin-curve.ts';
import './margin-formula.ts';
import './margin-knobs.ts';
import './margin-live-loss.ts';
import { exampleRow } from './margin-typed-rows.ts';
import { isDrawable } from './plot.ts';

/** Objectives that say something without a reference, to point to while the reference is the policy. */
const WITHOUT_REFERENCE = ['simpo', 'cpo', 'orpo'];

/** Some objectives need more than the model's numbers: scores, further rewards. The table takes any. */
const withAdvice = (figures: Figures): Figures =>
  figures.error ? { ...figures, error: `${figures.error} “Type numbers” lets you give it by hand.` } : figures;

/**
 * The right column: objective, formula, sliders, the live numbers and the curve.
 *
 * @property app - the page's application object
 */
@customElement('margin-objective')
export class MarginObjective extends LitElement {
  @property({ attribute: false }) app!: App;
  @state() private typing = false;
  @state() private typedRows: readonly PairRow[] = [exampleRow()];

  #view = new Select(
    this,
    () => this.app?.store,
    (state) => ({
      settings: state.settings,
      pairs: state.pairs,
      selectedPair: state.selectedPair,
      unavailable: state.engine.kind === 'unavailable',
    }),
  );
  #evaluation = new FollowEvaluation(this, () => this.app);
  #pointed = new FollowPointed(this, () => this.app && pointersOf(this.app).pair);

  static override styles = [
    shared,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 7px;
        min-height: 0;
      }
      .controls,
      .picture {
        display: flex;
        flex-direction: column;
        gap: 7px;
        min-width: 0;
      }
      .picture {
        flex: 1 0 auto;
      }
      /* As a tab the panel is wide: numbers on the left, the curve on the right. */
      @media (min-width: 760px) and (max-width: 1099px) {
        :host {
          display: grid;
          grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
          gap: 18px;
        }
      }
      .picker {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        gap: 8px;
        align-items: end;
      }
      .picker select {
        margin-top: 1px;
        font-size: 16px;
        font-weight: 600;
      }
      .toggle[aria-pressed='true'] {
        background: var(--m-surface-2);
        border-color: var(--m-text);
        font-weight: 600;
      }
      margin-formula[display] {
        flex: none;
      }
      margin-curve {
        flex: 1 0 212px;
      }
      details {
        font-size: 14px;
      }
      summary {
        cursor: pointer;
        color: var(--m-muted);
        font-size: var(--m-size-small);
      }
      details dl {
        display: grid;
        grid-template-columns: max-content 1fr;
        gap: 2px 10px;
        margin: 4px 0;
      }
      details dd {
        margin: 0;
      }
      .why {
        padding: 5px 9px;
        border-left: 3px solid var(--m-line-strong);
        background: var(--m-surface-2);
        font-size: 13.5px;
        line-height: 1.38;
      }
      .why button {
        min-height: 0;
        padding: 0;
        border: 0;
        background: none;
        font-size: inherit;
        text-decoration: underline;
        text-underline-offset: 2px;
      }
    `,
  ];

  protected override render() {
    const { settings, unavailable } = this.#view.value;
    const objective = objectiveNamed(settings.objective) ?? objectives[0];
    const values = hyperparameterValues(settings, objective);
    // Without an engine there is nothing to sample, so unless pairs were scored earlier the table is what is left.
    const live = this.#evaluation.figures;
    const forced = unavailable && live.rows.length === 0;
    const typing = this.typing || forced;
    const figures = typing ? typedFigures(this.typedRows, objective.id, values) : withAdvice(live);
    const pairId = this.pairToShow(figures);
    return html`<div class="controls">
        ${this.renderPicker(objective, typing, forced)}
        <margin-formula
          display
          .tex=${fullFormula(objective)}
        ></margin-formula>
        <margin-knobs .app=${this.app} .objective=${objective} .values=${values}></margin-knobs>
        ${
          typing
            ? html`<margin-typed-rows
                .rows=${this.typedRows}
                .objective=${objective}
                @rows-change=${(event: CustomEvent<readonly PairRow[]>) => {
                  this.typedRows = event.detail;
                }}
              ></margin-typed-rows>`
            : nothing
        }
        <margin-live-loss .figures=${figures} .pairId=${pairId} .pairName=${this.nameOf(pairId)}></margin-live-loss>
        ${this.renderWhy(objective, figures)}
      </div>
      <div class="picture">${this.renderCurve(objective, values, figures, pairId)} ${this.renderDetails(objective)}</div>`;
  }

  private renderPicker(objective: Objective, typing: boolean, forced: boolean) {
    const families = [...new Set(objectives.map(({ family }) => family))];
    return html`<div class="picker">
      <select aria-label="Objective" @change=${(event: Event) => this.choose((event.target as HTMLSelectElement).value)}>
          ${families.map(
            (family) =>
              html`<optgroup label=${family}>
                ${objectives
                  .filter((each) => each.family === family)
                  .map((each) => html`<option value=${each.id} ?selected=${each === objective}>${each.label}</option>`)}
              </optgroup>`,
          )}
      </select>
      <button
        class="toggle"
        aria-pressed=${typing}
        ?disabled=${forced}
        title="Evaluate log-probabilities typed into a table instead of the pairs of this page"
        @click=${() => {
          this.typing = !typing;
        }}
      >
        Type numbers
      </button>
    </div>`;
  }

  private renderWhy(objective: Objective, figures: Figures) {
    const batch = figures.evaluation?.batch;
    if (!batch || !referenceIsPolicy(objective, figures.rows)) return nothing;
    const others = objectives.filter(({ id }) => WITHOUT_REFERENCE.includes(id));
    const reads = Math.abs(batch.loss - Math.LN2) < 5e-5 ? 'ln 2 = 0.6931' : number(batch.loss, 4);
    return html`<p class="why">
      Policy and reference are the same weights until an adapter is trained, so ${objective.label} reads ${reads} and margin
      0${
        others.length > 0
          ? html`; ${others.map(
              ({ id, label }, i) =>
                html`${i === 0 ? '' : i === others.length - 1 ? ' and ' : ', '}<button @click=${() => this.choose(id)}>${label}</button>`,
            )}
            compare without a reference.`
          : '.'
      }
    </p>`;
  }

  private renderCurve(objective: Objective, values: HyperparameterValues, figures: Figures, pairId: string | null) {
    if (!isDrawable(objective)) return nothing;
    const { evaluation, rows, ids } = figures;
    const dots: Dot[] = evaluation
      ? rows.map((row, i) => ({
          id: ids[i],
          name: this.nameOf(ids[i]),
          inputs: pairInputs(row),
          loss: evaluation.pairs[i].loss,
        }))
      : [];
    // Batch statistics move the curve as they move the loss, so it is drawn with them.
    const drawn = evaluation ? prepareBatch({ objective: objective.id, hyperparameters: values, rows }).values : values;
    return html`<margin-curve
      .objective=${objective}
      .values=${drawn}
      .dots=${dots}
      .like=${objective.curve.exact ? undefined : dots.find(({ id }) => id === pairId)?.inputs}
      .pointed=${this.#pointed.id}
      .selected=${this.#view.value.selectedPair}
      @point-pair=${(event: CustomEvent<string | null>) => {
        pointersOf(this.app).pair.id = event.detail;
      }}
      @select-pair=${(event: CustomEvent<string>) => {
        if (this.#view.value.pairs.some(({ id }) => id === event.detail)) this.app.intents.selectPair(event.detail);
      }}
    ></margin-curve>`;
  }

  private renderDetails(objective: Objective) {
    const { title, arxiv, year } = objective.paper;
    return html`<details>
      <summary>About ${objective.label}</summary>
      <p>${objective.summary}</p>
      <dl>
        ${objective.hyperparameters.map(({ symbol, key, doc }) => html`<dt>${symbol} <code>${key}</code></dt><dd>${doc}</dd>`)}
      </dl>
      <p class="muted">
        ${arxiv ? html`<a href=${`https://arxiv.org/abs/${arxiv}`} target="_blank" rel="noreferrer">${title}</a>` : title}, ${year}.
        w is the chosen answer, l the rejected one, h = log π<sub>θ</sub> − log π<sub>ref</sub>.
      </p>
    </details>`;
  }

  /** The pair under the pointer, else the marked one, else the selected one, else the last. */
  private pairToShow({ ids }: Figures): string | null {
    const wanted = [this.#pointed.id, DRAFT, this.#view.value.selectedPair];
    return wanted.find((id) => id !== null && ids.includes(id)) ?? ids.at(-1) ?? null;
  }

  private nameOf(id: string | null): string {
    if (id === null) return '';
    if (id === DRAFT) return 'Marked pair';
    const index = this.#view.value.pairs.findIndex((pair) => pair.id === id);
    return index >= 0 ? `Pair ${index + 1}` : `Typed pair ${id.replace(/\D+/, '')}`;
  }

  private choose(id: string): void {
    this.app.intents.setSetting('objective', id);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-objective': MarginObjective;
  }
}
