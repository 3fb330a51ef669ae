/** Eight lines that are told apart by dash as well as by colour, on light and dark ground and by every kind of eye. */
import { type CSSResult, css } from 'lit';

export interface LineStyle {
  /** Okabe and Ito's colours, darkened on light ground and lightened on dark to 3:1 at least. */
  readonly colour: string;
  /** `stroke-dasharray`; solid for the first. */
  readonly dash: string;
}

export const LINE_STYLES: readonly LineStyle[] = [
  { colour: 'var(--m-line-1)', dash: '' },
  { colour: 'var(--m-line-2)', dash: '11 4' },
  { colour: 'var(--m-line-3)', dash: '3 4' },
  { colour: 'var(--m-line-4)', dash: '14 4 3 4' },
  { colour: 'var(--m-line-5)', dash: '7 3' },
  { colour: 'var(--m-line-6)', dash: '2 3 8 3' },
  { colour: 'var(--m-line-7)', dash: '16 3' },
  { colour: 'var(--m-line-8)', dash: '1 5' },
];

/** Style of the line in this place; they repeat after the eighth. */
export const lineStyle = (index: number): LineStyle => LINE_STYLES[index % LINE_STYLES.length];

/** Looks of a chooser in which one of several buttons is pressed, and of captions under a picture. */
export const explorerStyles: CSSResult = css`
  .choice {
    display: inline-flex;
    border: 1px solid var(--m-line-strong);
    border-radius: var(--m-radius);
    overflow: hidden;
  }
  .choice button {
    min-height: 30px;
    padding: 3px 10px;
    border: 0;
    border-radius: 0;
  }
  .choice button + button {
    border-left: 1px solid var(--m-line);
  }
  .choice button[aria-pressed='true'] {
    background: var(--m-accent);
    color: var(--m-on-accent);
    font-weight: 600;
  }
  .bar {
    display: flex;
    flex-wrap: wrap;
    gap: 6px 12px;
    align-items: center;
  }
  .bar label {
    display: inline-flex;
    gap: 6px;
    align-items: center;
    white-space: nowrap;
  }
  .bar select {
    width: auto;
    max-width: 150px;
    min-height: 30px;
    padding-block: 2px;
  }
  .caption {
    color: var(--m-muted);
    font-size: 14px;
    line-height: 1.4;
  }
  table {
    border-collapse: collapse;
    font-size: 14px;
    font-variant-numeric: tabular-nums;
  }
  th,
  td {
    padding: 2px 10px 2px 0;
    text-align: right;
    font-weight: normal;
    white-space: nowrap;
  }
  th:first-child {
    text-align: left;
  }
  thead th {
    color: var(--m-muted);
    font-size: var(--m-size-small);
  }
  tr[data-present] > * {
    font-weight: 700;
  }
  summary {
    cursor: pointer;
    color: var(--m-muted);
    font-size: var(--m-size-small);
  }
`;
