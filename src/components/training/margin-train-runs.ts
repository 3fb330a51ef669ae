import { css, html, LitElement } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { App } from '../../state/app.ts';
import { Select } from '../../state/select.ts';
import type { RunRecord } from '../../state/state.ts';
import { runNames } from '../../state/training/names.ts';
import { bytes, number, percent } from '../shared/format.ts';
import { icon } from '../shared/icons.ts';
import { shared } from '../shared/styles.ts';
import { FollowTraining } from './follow.ts';

/**
 * All runs in a table, each named by what differs.
 *
 * @property app - the page's application object
 */
@customElement('margin-train-runs')
export class MarginTrainRuns extends LitElement {
  @property({ attribute: false }) app!: App;
  #view = new Select(
    this,
    () => this.app?.store,
    ({ training, settings }) => ({
      runs: training.runs,
      run: training.run,
      idle: training.phase === 'idle',
      vlm: settings.vlm,
    }),
  );
  #follow = new FollowTraining(this, () => this.app);

  static override styles = [
    shared,
    css`
      :host {
        min-height: 0;
        overflow: auto;
      }
      table {
        width: 100%;
        border-collapse: collapse;
        font-size: 14.5px;
        font-variant-numeric: tabular-nums;
      }
      th {
        color: var(--m-muted);
        font-weight: 500;
        text-align: left;
      }
      th,
      td {
        padding: 3px 12px 3px 4px;
        border-bottom: 1px solid var(--m-line);
        vertical-align: baseline;
      }
      th,
      td:not(:nth-child(2)) {
        white-space: nowrap;
      }
      tr.present td {
        background: var(--m-surface-2);
        font-weight: 600;
      }
      button.icon {
        min-height: 26px;
      }
      .message {
        font-weight: 400;
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    // What scrolls must be reachable by keyboard.
    this.tabIndex = 0;
    this.role = 'region';
    this.ariaLabel = 'Runs';
  }

  protected override render() {
    const { runs } = this.#view.value;
    if (runs.length === 0)
      return html`<p class="muted">Every run is kept here and drawn on the same axes, named by what differs.</p>`;
    const names = runNames(runs);
    return html`<table>
      <thead>
        <tr>
          <th scope="col">#</th>
          <th scope="col">run</th>
          <th scope="col">steps</th>
          <th scope="col">loss</th>
          <th scope="col" title="rewards/margins; reward where answers are sampled">margin or reward</th>
          <th scope="col">CHAIR-i</th>
          <th scope="col">cover</th>
          <th scope="col">adapter, memory</th>
          <th scope="col"><span class="visually-hidden">Delete</span></th>
        </tr>
      </thead>
      <tbody>
        ${runs.map((run, i) => this.renderRun(run, names[i]))}
      </tbody>
    </table>`;
  }

  private renderRun(run: RunRecord, name: string) {
    const log = this.#follow.training.log(run.id);
    // An imported run, or one from before the model was changed: it cannot be continued here.
    const other = run.vlm !== this.#view.value.vlm && !name.includes(run.vlm) ? `, model ${run.vlm}` : '';
    const point = run.heldOut.at(-1);
    return html`<tr class=${run.id === this.#view.value.run ? 'present' : ''}>
      <td>${run.ordinal}</td>
      <td>${name}${other}<span class="message muted" title=${run.message ?? ''}>${run.status === 'finished' ? '' : `, ${run.status}`}</span></td>
      <td>${log.step} / ${run.steps || '–'}</td>
      <td>${number(log.last('loss'), 4)}</td>
      <td>${number(log.last(run.reward ? 'reward' : 'rewards/margins'), 3)}</td>
      <td>${point ? percent(point.chairI) : '–'}</td>
      <td>${point ? percent(point.cover) : '–'}</td>
      <td>${run.parameters.toLocaleString('en')} numbers, ${bytes(run.trainingBytes)}</td>
      <td>
        <button
          class="quiet icon"
          aria-label=${`Delete run ${run.ordinal}`}
          ?disabled=${!this.#view.value.idle}
          @click=${() => void this.app.intents.forgetRun(run.id)}
        >
          ${icon('trash')}
        </button>
      </td>
    </tr>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-train-runs': MarginTrainRuns;
  }
}
