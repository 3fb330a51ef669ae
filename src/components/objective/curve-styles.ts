/** Looks of the loss curve. */
import { css } from 'lit';

export const curveStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    min-height: 200px;
  }
  .plot {
    flex: 1;
    min-height: 150px;
    position: relative;
  }
  svg {
    position: absolute;
    inset: 0;
    width: 100%;
    height: 100%;
    overflow: visible;
  }
  text {
    fill: var(--m-text);
    font: 13px var(--m-font);
    font-variant-numeric: tabular-nums;
  }
  .title {
    font-size: 14px;
    font-weight: 600;
    paint-order: stroke;
    stroke: var(--m-surface);
    stroke-width: 5px;
    stroke-linejoin: round;
  }
  .grid {
    stroke: var(--m-line);
  }
  .zero {
    stroke: var(--m-line-strong);
  }
  .line {
    fill: none;
    stroke: var(--m-text);
    stroke-width: 2.5;
    stroke-linejoin: round;
  }
  .line.chosen {
    stroke: var(--m-chosen);
  }
  .line.rejected {
    stroke: var(--m-rejected);
    stroke-dasharray: 7 5;
  }
  .chosen-text {
    fill: var(--m-chosen);
  }
  .rejected-text {
    fill: var(--m-rejected);
  }
  .dot {
    fill: var(--m-surface);
    stroke: var(--m-text);
    stroke-width: 2.5;
    cursor: pointer;
  }
  .dot.selected {
    fill: var(--m-text);
  }
  .dot.pointed {
    stroke: var(--m-focus);
    stroke-width: 4;
  }
  .dot:focus-visible {
    outline: 2px solid var(--m-focus);
    outline-offset: 3px;
  }
  .axis {
    display: flex;
    align-items: baseline;
    justify-content: center;
    gap: 8px;
    padding-left: var(--plot-left);
  }
`;
