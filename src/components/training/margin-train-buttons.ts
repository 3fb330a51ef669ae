import { css, html, LitElement } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { App } from '../../state/app.ts';
import { Select } from '../../state/select.ts';
import { icon } from '../shared/icons.ts';
import { shared } from '../shared/styles.ts';
import { FollowForecast } from './follow.ts';

/**
 * Train, Pause and Step beside the pairs, so that they are in sight before the training panel is opened. Pressing
 * Train or Step opens it.
 *
 * @property app - the page's application object
 */
@customElement('margin-train-buttons')
export class MarginTrainButtons extends LitElement {
  @property({ attribute: false }) app!: App;
  #forecast = new FollowForecast(this, () => this.app);
  #view = new Select(
    this,
    () => this.app?.store,
    (state) => ({ phase: state.training.phase, why: this.#forecast.forecast.whyNot(state) }),
  );

  static override styles = [
    shared,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 6px;
        margin-top: auto;
      }
      button {
        font-size: 15px;
      }
    `,
  ];

  protected override render() {
    const { intents } = this.app;
    const { phase, why } = this.#view.value;
    const open = (act: () => void) => () => {
      intents.setBottom('training');
      act();
    };
    // A button that is really disabled could not say why.
    const train = why === null ? open(() => void intents.train()) : () => intents.notify('info', why);
    const busy = phase !== 'idle';
    // All three keep their places: a second press must not end what the first one began.
    return html`<button
        class="primary"
        title=${why ?? 'Train (space)'}
        data-once
        ?disabled=${busy}
        aria-disabled=${why !== null}
        @click=${train}
      >
        ${icon('play')} Train
      </button>
      <button ?disabled=${!busy || phase === 'pausing'} title="Pause after the step under way (space)" @click=${() => intents.pauseTraining()}>
        ${icon('stop')} Pause
      </button>
      <button ?disabled=${busy || why !== null} title="One optimiser step" @click=${open(() => void intents.trainStep())}>Step</button>`;
  }
}
