import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { App } from '../../state/app.ts';
import { objectiveNamed } from '../../state/objectives.ts';
import type { RunRecord } from '../../state/state.ts';
import { displacement, overOptimisation } from '../../state/training/judge.ts';
import { number } from '../shared/format.ts';
import { icon } from '../shared/icons.ts';
import { shared } from '../shared/styles.ts';
import { FollowTraining } from './follow.ts';

/** From this share of prompts whose answers all earned the same it is worth a word. */
const MANY_EQUAL = 0.5;

/** What keeps the chosen answer likely while the margin grows. */
const REMEDIES = ['rpo_dpo_plus_sft', 'cpo', 'simpo', 'mdpo'];

/**
 * What a run's curves say in words: that both answers became less likely, that training went too far, that a step had
 * little to learn from.
 *
 * @property app - the page's application object
 * @property run - the run that is spoken of
 */
@customElement('margin-train-words')
export class MarginTrainWords extends LitElement {
  @property({ attribute: false }) app!: App;
  @property({ attribute: false }) run?: RunRecord;
  #follow = new FollowTraining(this, () => this.app);

  static override styles = [
    shared,
    css`
      :host {
        display: contents;
      }
      p {
        padding: 4px 10px;
        border-left: 4px solid var(--m-rejected);
        background: var(--m-surface-2);
        font-size: 14px;
        line-height: 1.4;
      }
      .chosen {
        color: var(--m-chosen);
        font-weight: 600;
      }
      .rejected {
        color: var(--m-rejected);
        font-weight: 600;
      }
      .remedy {
        margin-right: 4px;
        white-space: nowrap;
      }
      a {
        display: inline-flex;
        align-items: center;
        justify-content: center;
        width: 24px;
        height: 24px;
        vertical-align: middle;
      }
      a svg {
        width: 16px;
        height: 16px;
      }
      button {
        min-height: 24px;
        padding: 0 8px;
        font-size: inherit;
      }
    `,
  ];

  protected override render() {
    const { run } = this;
    if (!run) return nothing;
    const log = this.#follow.training.log(run.id);
    const moved = displacement(log, run.stepsPerEpoch);
    const over = overOptimisation(run);
    const equal = log.last('frac_reward_zero_std') ?? 0;
    const driven = run.reward ? 'reward' : 'margin';
    return html`${
      equal >= MANY_EQUAL
        ? html`<p data-said="equal-rewards">
            <strong>Little to learn from.</strong> To ${number(100 * equal, 0)} % of the prompts of this step all answers earned the same, so
            none was better than its neighbours. A higher temperature or more answers (num_generations) may differ.
          </p>`
        : nothing
    }${
      moved
        ? html`<p data-said="displacement">
            <strong>Why did the chosen reward fall too?</strong> Both answers became less likely
            ${moved.since === 'reference' ? 'than under the reference' : 'than at the start'},
            <span class="chosen">chosen ${number(moved.chosen, 2)}</span> and
            <span class="rejected">rejected ${number(moved.rejected, 2)}</span> nats: the loss asks only for their difference (margin
            +${number(moved.margin, 2)}). Against it: ${this.renderRemedies(run.objective)}
          </p>`
        : nothing
    }${
      over
        ? html`<p data-said="over-optimisation">
            <strong>Over-optimised.</strong> From step ${over.best.step} to ${over.last.step} the ${driven} rose by
            ${number(over.last.margin - over.best.margin, 2)}, but on held-out pictures F1 fell from ${number(over.best.f1, 2)} to
            ${number(over.last.f1, 2)}.
            ${
              run.checkpoints.includes(over.best.step)
                ? html`<button @click=${() => void this.app.intents.rewindTraining(over.best.step)}>Go back to step ${over.best.step}</button>`
                : nothing
            }
          </p>`
        : nothing
    }`;
  }

  /** Opened here without a new address, which would take the settings along; the link itself can be copied. */
  private open(event: MouseEvent, loss: string): void {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.app.intents.openGallery(loss);
  }

  private renderRemedies(objective: string) {
    return REMEDIES.filter((id) => id !== objective).map((id) => {
      const known = objectiveNamed(id);
      return known
        ? html`<span class="remedy"
            ><button title=${known.summary} @click=${() => this.app.intents.setSetting('objective', id)}>
              ${known.label}</button
            ><a href=${`#gallery=${id}`} aria-label=${`Page of ${known.label}`} title=${`Page of ${known.label}`} @click=${(event: MouseEvent) => this.open(event, id)}>${icon('info')}</a></span
          > `
        : nothing;
    });
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-train-words': MarginTrainWords;
  }
}
