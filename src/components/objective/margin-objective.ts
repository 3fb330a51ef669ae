import { html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { PairRow } from '../../engine/engine.ts';
import { prepareBatch } from '../../kernels/losses/evaluate.ts';
import type { LossDescription } from '../../kernels/losses/families/description.ts';
import { type EveryLoss, everyLoss, taggedLoss } from '../../kernels/losses/families/every.ts';
import { needsOfPair } from '../../kernels/losses/families/on-pairs.ts';
import { objectives } from '../../kernels/losses/index.ts';
import { pairInputs } from '../../kernels/losses/inputs.ts';
import { fullFormula, type HyperparameterValues } from '../../kernels/losses/objective.ts';
import type { App } from '../../state/app.ts';
import { DRAFT } from '../../state/evaluation.ts';
import { hyperparameterValues } from '../../state/objectives.ts';
import { needsScores } from '../../state/scores.ts';
import { Select } from '../../state/select.ts';
import { answerPicture } from '../explorer/answer-picture.ts';
import '../explorer/margin-answer.ts';
import { viewOf } from '../explorer/view.ts';
import { number } from '../shared/format.ts';
import { icon } from '../shared/icons.ts';
import { FollowPointed, pointersOf } from '../shared/pointed.ts';
import { shared } from '../shared/styles.ts';
import { type Figures, FollowEvaluation, referenceIsPolicy, typedFigures } from './figures.ts';
import './margin-curve.ts';
import type { Dot } from './margin-curve.ts';
import './margin-formula.ts';
import './margin-knobs.ts';
import './margin-live-loss.ts';
import './margin-loss-picker.ts';
import { exampleRow } from './margin-typed-rows.ts';
import { objectiveLooks } from './objective-looks.ts';
import { type Drawable, isDrawable } from './plot.ts';

/** Objectives that say something without a reference, to point to while the reference is the policy. */
const WITHOUT_REFERENCE = ['simpo', 'cpo', 'orpo'];

/** Some objectives need more than the model's numbers: scores, which pairs have sliders for, or rewards. The table takes any. */
function withAdvice(figures: Figures, objective: string): Figures {
  if (!figures.error) return figures;
  const advice = needsScores(objective)
    ? 'The sliders of each pair set its scores.'
    : '“Type numbers” lets you give it by hand.';
  return { ...figures, error: `${figures.error} ${advice}` };
}

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
      bottom: state.view.bottom,
      unavailable: state.engine.kind === 'unavailable',
    }),
  );
  #evaluation = new FollowEvaluation(this, () => this.app);
  #pointed = new FollowPointed(this, () => this.app && pointersOf(this.app).pair);

  static override styles = [shared, objectiveLooks];

  protected override render() {
    const { settings, unavailable } = this.#view.value;
    const every = taggedLoss(settings.objective) ?? everyLoss[0];
    const { loss } = every;
    const values = hyperparameterValues(settings, loss);
    // Without an engine there is nothing to sample, so unless pairs were scored earlier the table is what is left.
    const live = this.#evaluation.figures;
    const forced = unavailable && live.rows.length === 0;
    // Numbers can be typed for a pair; other families look at answers and tokens.
    const typing = every.kind === 'pairwise' && (this.typing || forced);
    const figures = typing
      ? typedFigures(this.typedRows, loss.id, values)
      : every.kind === 'pairwise'
        ? withAdvice(live, loss.id)
        : live;
    const pairId = this.pairToShow(figures);
    return html`<div class="controls">
        ${this.renderPicker(every, typing, forced)}
        <margin-formula
          display
          .tex=${fullFormula(loss)}
        ></margin-formula>
        <margin-knobs .app=${this.app} .objective=${loss} .values=${values}></margin-knobs>
        ${
          every.kind === 'pairwise' && typing
            ? html`<margin-typed-rows
                .rows=${this.typedRows}
                .objective=${every.loss}
                @rows-change=${(event: CustomEvent<readonly PairRow[]>) => {
                  this.typedRows = event.detail;
                }}
              ></margin-typed-rows>`
            : nothing
        }
        <margin-live-loss
          .figures=${figures}
          .pairId=${pairId}
          .pairName=${this.nameOf(pairId)}
          .total=${typing ? 0 : this.#view.value.pairs.filter(({ verdict }) => verdict === 'preferred').length}
        ></margin-live-loss>
        ${this.renderWhy(every, figures)}
      </div>
      <div
        class="picture"
        @point-pair=${(event: CustomEvent<string | null>) => {
          pointersOf(this.app).pair.id = event.detail;
        }}
        @select-pair=${(event: CustomEvent<string>) => {
          if (this.#view.value.pairs.some(({ id }) => id === event.detail)) this.app.intents.selectPair(event.detail);
        }}
      >
        ${
          every.kind === 'pairwise'
            ? isDrawable(every.loss)
              ? this.renderCurve(every.loss, values, figures, pairId)
              : nothing
            : this.renderAnswer(every, values)
        }
        ${this.renderDetails(loss)}
      </div>`;
  }

  private renderPicker(every: EveryLoss, typing: boolean, forced: boolean) {
    return html`<div class="picker">
      <margin-loss-picker
        .value=${every.loss.id}
        @loss-change=${(event: CustomEvent<string>) => this.choose(event.detail)}
      ></margin-loss-picker>
      <button
        title="Several objectives on shared axes, the map of a pair, what a knob does: on the whole window"
        @click=${() => this.app.intents.openOverlay('explorer')}
      >
        ${icon('map')} Explore
      </button>
      ${
        every.kind === 'pairwise'
          ? html`<button
              class="toggle"
              aria-pressed=${typing}
              ?disabled=${forced}
              title="Evaluate log-probabilities typed into a table instead of the pairs of this page"
              @click=${() => {
                this.typing = !typing;
              }}
            >
              Type numbers
            </button>`
          : nothing
      }
    </div>`;
  }

  /** What losses of the other families do to one answer, token, score or batch. */
  private renderAnswer(every: EveryLoss, values: HyperparameterValues) {
    const view = viewOf(this.app, every, values, this.#view.value.selectedPair);
    const picture = answerPicture(view);
    if (!picture) return nothing;
    return html`<margin-answer
      compact
      .picture=${picture}
      .pointed=${this.#pointed.id}
      .selected=${this.#view.value.selectedPair}
    ></margin-answer>`;
  }

  private renderWhy(every: EveryLoss, figures: Figures) {
    const batch = figures.evaluation?.batch;
    if (!batch || !referenceIsPolicy(needsOfPair(every), figures.rows)) return nothing;
    const others = objectives.filter(({ id }) => WITHOUT_REFERENCE.includes(id));
    const reads = Math.abs(batch.loss - Math.LN2) < 5e-5 ? 'ln 2 = 0.6931' : number(batch.loss, 4);
    // Above the training panel there is room for one line; the rest is a click away.
    return html`<details class="why" ?open=${this.#view.value.bottom === 'pairs'}>
      <summary>Policy and reference are still the same weights</summary>
      They differ once an adapter is trained. Until then ${every.loss.label} reads ${reads} and margin 0${
        others.length > 0
          ? html`; ${others.map(
              ({ id, label }, i) =>
                html`${i === 0 ? '' : i === others.length - 1 ? ' and ' : ', '}<button @click=${() => this.choose(id)}>${label}</button>`,
            )}
            compare without a reference.`
          : '.'
      }
    </details>`;
  }

  private renderCurve(objective: Drawable, values: HyperparameterValues, figures: Figures, pairId: string | null) {
    const { evaluation, rows, ids } = figures;
    // Looked up once: a thousand searches through a thousand pairs are felt under a slider.
    const names = new Map(this.#view.value.pairs.map(({ id }, i) => [id, `Pair ${i + 1}`]));
    const dots: Dot[] = evaluation
      ? rows.map((row, i) => ({
          id: ids[i],
          name: names.get(ids[i]) ?? this.nameOf(ids[i]),
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
    ></margin-curve>`;
  }

  private renderDetails(objective: LossDescription) {
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
      <p>
        <button @click=${() => this.app.intents.openGallery(objective.id)}>Page of ${objective.label}: symbols, knobs, when it fails, source</button>
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
