import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { App } from '../../state/app.ts';
import { Select } from '../../state/select.ts';
import type { RunRecord } from '../../state/state.ts';
import type { Metric } from '../../state/training/metrics.ts';
import { shared } from '../shared/styles.ts';
import { FollowTraining } from './follow.ts';
import './margin-chart.ts';
import './margin-train-phases.ts';
import './margin-train-words.ts';
import type { ChartLine } from './margin-chart.ts';
import { legendStyles, namesById, renderRunLegend } from './run-legend.ts';

interface Chart {
  readonly heading: string;
  readonly metrics: readonly (readonly [Metric, ChartLine['tone']])[];
  readonly zero?: boolean;
  readonly most?: number;
  readonly digits?: number;
}

/** Every number TRL logs, those that belong together on one pair of axes. */
const CHARTS: readonly Chart[] = [
  { heading: 'loss', metrics: [['loss', 'plain']], digits: 4 },
  { heading: 'rewards/margins', metrics: [['rewards/margins', 'plain']], zero: true },
  {
    heading: 'rewards',
    metrics: [
      ['rewards/chosen', 'chosen'],
      ['rewards/rejected', 'rejected'],
    ],
    zero: true,
    digits: 2,
  },
  {
    heading: 'logps',
    metrics: [
      ['logps/chosen', 'chosen'],
      ['logps/rejected', 'rejected'],
    ],
    digits: 1,
  },
  { heading: 'rewards/accuracies', metrics: [['rewards/accuracies', 'plain']], zero: true, most: 1, digits: 2 },
  { heading: 'grad_norm', metrics: [['grad_norm', 'plain']], zero: true, digits: 2 },
];

/** The same for objectives that sample their own answers. */
const SAMPLED: readonly Chart[] = [
  { heading: 'reward', metrics: [['reward', 'plain']], zero: true },
  { heading: 'reward_std', metrics: [['reward_std', 'plain']], zero: true },
  { heading: 'frac_reward_zero_std', metrics: [['frac_reward_zero_std', 'plain']], zero: true, most: 1, digits: 2 },
  { heading: 'completions/mean_length', metrics: [['completions/mean_length', 'plain']], zero: true, digits: 1 },
  { heading: 'kl', metrics: [['kl', 'plain']], zero: true, digits: 4 },
  { heading: 'loss', metrics: [['loss', 'plain']], digits: 4 },
  { heading: 'grad_norm', metrics: [['grad_norm', 'plain']], zero: true, digits: 2 },
];

/** The policy is the reference before the first step. */
const klLine = ({ divergence = [], ordinal }: RunRecord, runName: string | undefined, present: boolean): ChartLine => ({
  name: 'KL per token, nats',
  tone: 'plain',
  xs: [0, ...divergence.map(({ step }) => step)],
  ys: [0, ...divergence.map(({ perToken }) => perToken)],
  run: ordinal,
  runName,
  present,
});

/** Before the device is known. */
const NO_FEATURES: readonly string[] = [];

/**
 * The curves of all runs on the same axes, and above them what they say in words.
 *
 * @property app - the page's application object
 */
@customElement('margin-train-curves')
export class MarginTrainCurves extends LitElement {
  @property({ attribute: false }) app!: App;
  #view = new Select(
    this,
    () => this.app?.store,
    ({ training, engine }) => ({
      runs: training.runs,
      run: training.run,
      features: engine.kind === 'ready' ? engine.facts.device.features : NO_FEATURES,
    }),
  );
  #follow = new FollowTraining(this, () => this.app);

  static override styles = [
    shared,
    legendStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 6px;
        min-height: 0;
        overflow: auto;
      }
      .charts {
        flex: 1 0 auto;
        display: grid;
        grid-template-columns: repeat(6, minmax(0, 1fr));
        gap: 6px 16px;
        min-height: 110px;
      }
      /* In two rows the charts are wide enough for a name and its number on one line. */
      .charts.many {
        grid-template-columns: repeat(4, minmax(0, 1fr));
        grid-auto-rows: minmax(90px, 1fr);
      }
      @media (max-width: 1180px) {
        .charts:not(.many) {
          grid-template-columns: repeat(3, minmax(0, 1fr));
          grid-auto-rows: minmax(120px, 1fr);
        }
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    // What scrolls must be reachable by keyboard.
    this.tabIndex = 0;
    this.role = 'region';
    this.ariaLabel = 'Curves';
  }

  protected override render() {
    const { runs, run } = this.#view.value;
    const present = runs.find(({ id }) => id === run) ?? runs.at(-1);
    const steps = Math.max(0, ...runs.map((each) => each.steps));
    const names = namesById(runs);
    const kl = this.renderKl(runs, names, present, steps);
    const charts = present?.reward ? SAMPLED : CHARTS;
    return html`<margin-train-words .app=${this.app} .run=${present}></margin-train-words> ${renderRunLegend(runs, names, present)}
      <div class="charts ${kl === nothing && charts === CHARTS ? '' : 'many'}">
        ${charts.map(
          ({ heading, metrics, zero, most, digits }) =>
            html`<margin-chart
              heading=${heading}
              .lines=${runs.flatMap(({ id, ordinal }) => {
                const log = this.#follow.training.log(id);
                const shown = id === present?.id;
                return metrics.map(
                  ([metric, tone]): ChartLine => ({
                    name: metric,
                    tone,
                    xs: log.column('step'),
                    ys: log.column(metric),
                    run: ordinal,
                    runName: names.get(id),
                    present: shown,
                  }),
                );
              })}
              .steps=${steps}
              .zero=${zero ?? false}
              .most=${most ?? Number.POSITIVE_INFINITY}
              .digits=${digits ?? 3}
            ></margin-chart>`,
        )}
        ${kl}
      </div>
      ${present?.settings.phase_times ? this.renderPhases(present) : nothing}`;
  }

  /** Measured at some steps only, on answers the policy samples to the training prompts. */
  private renderKl(
    runs: readonly RunRecord[],
    names: ReadonlyMap<string, string>,
    present: RunRecord | undefined,
    steps: number,
  ) {
    const measured = runs.filter(({ divergence = [] }) => divergence.length > 0);
    if (measured.length === 0) return nothing;
    return html`<margin-chart
      heading="KL (own samples)"
      title="KL(policy ‖ reference) per token in nats: exact over the vocabulary at each token of answers that the policy samples to the training prompts at temperature 1"
      .lines=${measured.map((run) => klLine(run, names.get(run.id), run === present))}
      .steps=${steps}
      zero
      .digits=${4}
    ></margin-chart>`;
  }

  private renderPhases({ id }: RunRecord) {
    const available = this.#view.value.features.includes('timestamp-query');
    return html`<margin-train-phases .log=${this.#follow.training.log(id)} .available=${available}></margin-train-phases>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-train-curves': MarginTrainCurves;
  }
}
