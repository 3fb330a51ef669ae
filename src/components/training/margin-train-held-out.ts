import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { App } from '../../state/app.ts';
import { Select } from '../../state/select.ts';
import type { HeldOutPoint } from '../../state/state.ts';
import { percent } from '../shared/format.ts';
import { shared } from '../shared/styles.ts';
import './margin-chart.ts';
import type { ChartLine } from './margin-chart.ts';

/**
 * Hallucination on scenes the model never saw: before, during and after training, for every run.
 *
 * @property app - the page's application object
 */
@customElement('margin-train-held-out')
export class MarginTrainHeldOut extends LitElement {
  @property({ attribute: false }) app!: App;
  #view = new Select(
    this,
    () => this.app?.store,
    ({ training, engine }) => ({ training, ready: engine.kind === 'ready' }),
  );

  static override styles = [
    shared,
    css`
      :host {
        display: grid;
        grid-template-columns: repeat(2, minmax(180px, 260px)) minmax(0, 1fr);
        gap: 6px 20px;
        min-height: 0;
      }
      @media (max-width: 760px) {
        :host {
          grid-template-columns: minmax(0, 1fr);
        }
      }
      .words {
        min-height: 0;
        overflow: auto;
        font-size: 14.5px;
      }
      .big {
        font-size: 19px;
        font-weight: 650;
      }
      .words button {
        margin-top: 6px;
      }
    `,
  ];

  protected override render() {
    const { training, ready } = this.#view.value;
    const present = training.runs.find(({ id }) => id === training.run) ?? training.runs.at(-1);
    const lines = (key: 'chairI' | 'cover'): ChartLine[] =>
      training.runs
        .filter(({ heldOut }) => heldOut.length > 0)
        .map((run) => ({
          name: key,
          tone: 'plain',
          xs: run.heldOut.map(({ step }) => step),
          ys: run.heldOut.map((point) => 100 * point[key]),
          run: run.ordinal,
          present: run === present,
        }));
    const points = present?.heldOut ?? [];
    const can = ready && training.phase === 'idle' && training.run !== null && (present?.step ?? 0) > 0;
    return html`<margin-chart heading="CHAIR-i, %" .lines=${lines('chairI')} zero .digits=${1}></margin-chart>
      <margin-chart heading="cover, %" .lines=${lines('cover')} zero .digits=${1}></margin-chart>
      <div class="words">
        ${points.length > 1 ? this.renderOutcome(points[0], points.at(-1)!) : this.renderExplanation()}
        <button ?disabled=${!can} @click=${() => void this.app.intents.examine()}>Examine now</button>
      </div>`;
  }

  private renderOutcome(before: HeldOutPoint, after: HeldOutPoint) {
    return html`<p class="big">
        Hallucinated mentions: ${percent(before.chairI)} → ${percent(after.chairI)}. Objects covered:
        ${percent(before.cover)} → ${percent(after.cover)}.
      </p>
      <p class="muted">
        Greedy descriptions of ${after.scenes} scenes that neither the model nor the pairs know, before and at step ${after.step}.
        ${after.scenes < 100 ? `With ${after.scenes} scenes a few mentions move the rate by points.` : nothing}
      </p>
      <p>First scene: “${before.example.trim()}” → “${after.example.trim()}”</p>`;
  }

  private renderExplanation() {
    return html`<p class="muted">
      After the last step (or every few steps, see Settings) reference and policy describe Toybox scenes that nobody trained
      on. CHAIR-i is the share of mentioned objects that are not there; cover the share of objects there that are mentioned.
    </p>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-train-held-out': MarginTrainHeldOut;
  }
}
