import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { App } from '../../state/app.ts';
import { type AnswerScores, SCORE_RANGE, scoresOf } from '../../state/scores.ts';
import type { PairRecord } from '../../state/state.ts';
import { number } from '../shared/format.ts';
import { icon } from '../shared/icons.ts';
import { base, buttons, fields } from '../shared/styles.ts';

/** Where the sliders stand while nobody has given a score: equal, in the middle. */
const UNDECIDED: AnswerScores = { chosen: 25, rejected: 25 };

/**
 * The scores of a pair's answers for objectives that look at them: CLIP's, until a person moves a slider.
 *
 * @property app - the page's application object
 * @property pair - the pair
 * @property ordinal - its number in the list
 */
@customElement('margin-pair-scores')
export class MarginPairScores extends LitElement {
  @property({ attribute: false }) app!: App;
  @property({ attribute: false }) pair!: PairRecord;
  @property({ type: Number }) ordinal = 1;

  static override styles = [
    base,
    buttons,
    fields,
    css`
      :host {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0 14px;
        font-size: 14px;
      }
      label {
        display: inline-grid;
        grid-template-columns: max-content 110px 34px;
        align-items: center;
        gap: 6px;
        color: var(--m-text);
      }
      output {
        text-align: right;
      }
      button {
        min-height: 26px;
        padding: 1px 8px;
      }
    `,
  ];

  protected override render() {
    const { pair } = this;
    const scores = scoresOf(pair);
    const source = pair.given ? 'scores by hand' : pair.clip ? 'CLIP × 100' : 'no scores yet';
    return html`<span class="muted">${source}</span> ${this.renderSide('chosen', scores)} ${this.renderSide('rejected', scores)}
      ${
        pair.given
          ? html`<button
            class="quiet"
            title=${pair.clip ? 'Back to CLIP’s scores' : 'Forget the scores given by hand'}
            aria-label=${`Reset scores of pair ${this.ordinal}`}
            @click=${() => this.app.intents.setPairScores(pair.id, null)}
          >
            ${icon('reset')}
          </button>`
          : nothing
      }`;
  }

  private renderSide(side: keyof AnswerScores, scores: AnswerScores | undefined) {
    const { min, max, step } = SCORE_RANGE;
    return html`<label
      >${side}
      <input
        type="range"
        aria-label=${`Score of the ${side} answer of pair ${this.ordinal}`}
        min=${min}
        max=${max}
        step=${step}
        .value=${String((scores ?? UNDECIDED)[side])}
        @input=${(event: Event) => {
          const value = (event.target as HTMLInputElement).valueAsNumber;
          this.app.intents.setPairScores(this.pair.id, { ...(scores ?? UNDECIDED), [side]: value });
        }}
      />
      <output>${number(scores?.[side], 1)}</output>
    </label>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-pair-scores': MarginPairScores;
  }
}
