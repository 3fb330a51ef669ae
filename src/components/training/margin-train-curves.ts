import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { App } from '../../state/app.ts';
import { objectiveNamed } from '../../state/objectives.ts';
import { Select } from '../../state/select.ts';
import type { RunRecord } from '../../state/state.ts';
import { displacement, overOptimisation } from '../../state/training/judge.ts';
import type { Metric } from '../../state/training/metrics.ts';
import { number } from '../shared/format.ts';
import { icon } from '../shared/icons.ts';
import { shared } from '../shared/styles.ts';
import { FollowTraining } from './follow.ts';
import './margin-chart.ts';
import './margin-train-phases.ts';
import type { ChartLine } from './margin-chart.ts';
import { legendStyles, namesById, renderRunLegend } from './run-legend.ts';

interface Chart {
  readonly heading: string;
  readonly metrics: readonly (readonly [Metric, ChartLine['tone']])[];
  readonly zero?: boolean;
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
  { heading: 'rewards/accuracies', metrics: [['rewards/accuracies', 'plain']], zero: true, digits: 2 },
  { heading: 'grad_norm', metrics: [['grad_norm', 'plain']], zero: true, digits: 2 },
];

/** The same for objectives that sample their own answers. */
const SAMPLED: readonly Chart[] = [
  { heading: 'reward', metrics: [['reward', 'plain']], zero: true },
  { heading: 'reward_std', metrics: [['reward_std', 'plain']], zero: true },
  { heading: 'frac_reward_zero_std', metrics: [['frac_reward_zero_std', 'plain']], zero: true, digits: 2 },
  { heading: 'completions/mean_length', metrics: [['completions/mean_length', 'plain']], zero: true, digits: 1 },
  { heading: 'kl', metrics: [['kl', 'plain']], zero: true, digits: 4 },
  { heading: 'loss', metrics: [['loss', 'plain']], digits: 4 },
  { heading: 'grad_norm', metrics: [['grad_norm', 'plain']], zero: true, digits: 2 },
];

/** From this share of prompts whose answers all earned the same it is worth a word. */
const MANY_EQUAL = 0.5;

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

/** What keeps the chosen answer likely while the margin grows. */
const REMEDIES = ['rpo_dpo_plus_sft', 'cpo', 'simpo', 'mdpo'];

/**
 * The curves of all runs on the same axes, and what they say in words.
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
      .said {
        padding: 4px 10px;
        border-left: 4px solid var(--m-rejected);
        background: var(--m-surface-2);
        font-size: 14px;
        line-height: 1.4;
      }
      .said .chosen {
        color: var(--m-chosen);
        font-weight: 600;
      }
      .said .rejected {
        color: var(--m-rejected);
        font-weight: 600;
      }
      .said .remedy {
        margin-right: 4px;
        white-space: nowrap;
      }
      .said a {
        display: inline-flex;
        align-items: center;
        justify-content: center;
        width: 24px;
        height: 24px;
        vertical-align: middle;
      }
      .said a svg {
        width: 16px;
        height: 16px;
      }
      .said button {
        min-height: 24px;
        padding: 0 8px;
        font-size: inherit;
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
    return html`${present ? this.renderWords(present) : nothing} ${renderRunLegend(runs, names, present)}
      <div class="charts ${kl === nothing && charts === CHARTS ? '' : 'many'}">
        ${charts.map(
          ({ heading, metrics, zero, digits }) =>
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

  private renderWords(run: RunRecord) {
    const log = this.#follow.training.log(run.id);
    const moved = displacement(log, run.stepsPerEpoch);
    const over = overOptimisation(run);
    const equal = log.last('frac_reward_zero_std') ?? 0;
    const driven = run.reward ? 'reward' : 'margin';
    return html`${
      equal >= MANY_EQUAL
        ? html`<p class="said" data-said="equal-rewards">
            <strong>Little to learn from.</strong> To ${number(100 * equal, 0)} % of the prompts of this step all answers earned the same, so
            none was better than its neighbours. A higher temperature or more answers (num_generations) may differ.
          </p>`
        : nothing
    }${
      moved
        ? html`<p class="said" data-said="displacement">
            <strong>Why did the chosen reward fall too?</strong> Both answers became less likely
            ${moved.since === 'reference' ? 'than under the reference' : 'than at the start'},
            <span class="chosen">chosen ${number(moved.chosen, 2)}</span> and
            <span class="rejected">rejected ${number(moved.rejected, 2)}</span> nats: the loss asks only for their difference (margin
            +${number(moved.margin, 2)}). Against it: ${this.renderRemedies(run.objective)}
          </p>`
        : nothing
    }${
      over
        ? html`<p class="said" data-said="over-optimisation">
            <strong>Over-optimised.</strong> From step ${over.best.step} to ${over.last.step} the ${driven} rose by
            ${number(over.last.margin - over.best.margin, 2)}, but on held-out scenes F1 fell from ${number(over.best.f1, 2)} to
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
    'margin-train-curves': MarginTrainCurves;
  }
}
