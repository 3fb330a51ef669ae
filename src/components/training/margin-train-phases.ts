import { css, html, LitElement } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { styleMap } from 'lit/directives/style-map.js';
import type { Metric, MetricsLog } from '../../state/training/metrics.ts';
import { base } from '../shared/styles.ts';

/** In the order of a step, each with its share of the text colour. */
const PHASES = [
  ['rollout', 12],
  ['reference', 24],
  ['forward', 45],
  ['loss', 70],
  ['backward', 30],
  ['optimizer', 90],
] as const;

/** Steps that are averaged: single ones tremble, and browsers round GPU times to a tenth of a millisecond. */
const WINDOW = 10;

/**
 * Mean GPU milliseconds of each phase over the last steps that were measured. A phase that only some of them have, such
 * as scoring the reference before the first, counts as nothing in the others; one that none has is left out.
 */
export function phaseMeans(log: MetricsLog): { phase: string; ms: number; shade: number }[] {
  const columns = PHASES.map(([phase, shade]) => ({ phase, shade, column: log.column(`gpu_ms/${phase}` as Metric) }));
  const measured = Array.from({ length: log.length }, (_, at) => at).filter((at) =>
    columns.some(({ column }) => Number.isFinite(column[at])),
  );
  const recent = measured.slice(-WINDOW);
  return columns.flatMap(({ phase, shade, column }) => {
    const times = recent.map((at) => column[at]).filter(Number.isFinite);
    return times.length > 0 ? [{ phase, shade, ms: times.reduce((sum, ms) => sum + ms, 0) / recent.length }] : [];
  });
}

const milliseconds = (ms: number): string => (ms < 9.95 ? ms.toFixed(1) : Math.round(ms).toLocaleString('en'));

/**
 * How long the phases of a step take on the GPU: a bar, and every number beside its name.
 *
 * @property log - the metrics of a run
 * @property available - whether the device has timestamps
 */
@customElement('margin-train-phases')
export class MarginTrainPhases extends LitElement {
  // A log grows in place.
  @property({ attribute: false, hasChanged: () => true }) log!: MetricsLog;
  @property({ type: Boolean }) available = false;

  static override styles = [
    base,
    css`
      :host {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 2px 14px;
        font-size: 13.5px;
        font-variant-numeric: tabular-nums;
      }
      .bar {
        display: flex;
        flex: 1 1 120px;
        max-width: 320px;
        height: 12px;
        border: 1px solid var(--m-line-strong);
      }
      .key {
        display: inline-block;
        width: 10px;
        height: 10px;
        border: 1px solid var(--m-line-strong);
      }
    `,
  ];

  protected override render() {
    if (!this.available)
      return html`GPU milliseconds per phase are not available on this adapter (no timestamp-query).`;
    const means = phaseMeans(this.log);
    if (means.length === 0) return html`GPU milliseconds per phase come with the next step.`;
    const shade = (share: number) => ({
      background: `color-mix(in srgb, var(--m-text) ${share}%, var(--m-surface))`,
    });
    return html`<span>GPU ms per step</span>
      <span class="bar" aria-hidden="true"
        >${means.map((each) => html`<span style=${styleMap({ ...shade(each.shade), flex: `${each.ms} 0 0` })}></span>`)}</span
      >
      ${means.map(
        (each) =>
          html`<span><span class="key" aria-hidden="true" style=${styleMap(shade(each.shade))}></span> ${each.phase} ${milliseconds(each.ms)}</span>`,
      )}`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-train-phases': MarginTrainPhases;
  }
}
