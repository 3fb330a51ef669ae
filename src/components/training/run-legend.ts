/** Which run is which: the number at the end of its lines, and its name. */
import { css, html, nothing } from 'lit';
import type { RunRecord } from '../../state/state.ts';
import { runNames } from '../../state/training/names.ts';

export const legendStyles = css`
  .runs {
    display: flex;
    flex-wrap: wrap;
    gap: 0 16px;
    margin: 0;
    padding: 0;
    list-style: none;
    color: var(--m-muted);
    font-size: 13.5px;
    line-height: 1.35;
    font-variant-numeric: tabular-nums;
  }
  .runs .present {
    color: var(--m-text);
    font-weight: 600;
  }
`;

/** The names of all runs by their id: they depend on one another. */
export function namesById(runs: readonly RunRecord[]): ReadonlyMap<string, string> {
  const names = runNames(runs);
  return new Map(runs.map(({ id }, i) => [id, names[i]]));
}

/** A list of the runs that are drawn; nothing for a single one, which needs no name. */
export function renderRunLegend(
  drawn: readonly RunRecord[],
  names: ReadonlyMap<string, string>,
  present: RunRecord | undefined,
) {
  if (drawn.length < 2) return nothing;
  return html`<ul class="runs" aria-label="Runs">
    ${drawn.map(
      (run) =>
        html`<li class=${run.id === present?.id ? 'present' : ''} aria-current=${run.id === present?.id ? 'true' : nothing}>
          ${run.ordinal}: ${names.get(run.id)}
        </li>`,
    )}
  </ul>`;
}
