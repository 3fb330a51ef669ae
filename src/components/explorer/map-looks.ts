/** Looks of the map. */
import { css } from 'lit';

export const mapStyles = css`
  :host {
    display: grid;
    grid-template-columns: minmax(0, 1fr) minmax(190px, 250px);
    grid-template-rows: auto minmax(300px, 1fr) auto;
    gap: 8px 18px;
    min-height: 0;
  }
  .bar {
    grid-column: 1 / -1;
  }
  .frame {
    position: relative;
    min-height: 300px;
  }
  .square {
    position: absolute;
    inset: 0 auto auto 0;
  }
  margin-field {
    position: absolute;
  }
  svg.over {
    position: absolute;
    inset: 0;
    width: 100%;
    height: 100%;
    overflow: visible;
    cursor: crosshair;
  }
  svg.over:focus-visible {
    outline: 3px solid var(--m-focus);
  }
  text {
    fill: var(--m-text);
    font: 14px var(--m-font);
    font-variant-numeric: tabular-nums;
  }
  .level,
  .place {
    paint-order: stroke;
    stroke: var(--m-surface);
    stroke-width: 4px;
    stroke-linejoin: round;
  }
  .level {
    font-size: 12.5px;
  }
  .contour {
    fill: none;
    stroke: var(--m-text);
    stroke-opacity: 0.45;
  }
  .even {
    stroke: var(--m-text);
    stroke-dasharray: 3 5;
    stroke-width: 1.5;
  }
  .zero {
    stroke: var(--m-text);
    stroke-opacity: 0.55;
  }
  .arrows {
    fill: none;
    stroke: var(--m-text);
    stroke-width: 1.8;
    stroke-linecap: round;
    stroke-linejoin: round;
  }
  .arrows.under {
    stroke: var(--m-surface);
    stroke-opacity: 0.75;
    stroke-width: 4.5;
  }
  .path {
    fill: none;
    stroke: var(--m-surface);
    stroke-width: 5;
    stroke-linejoin: round;
  }
  .path.over-it {
    stroke: var(--m-text);
    stroke-width: 2;
  }
  .path.shown {
    stroke: var(--m-focus);
    stroke-width: 3.5;
  }
  .dots,
  .dot {
    fill: var(--m-surface);
    stroke: var(--m-text);
    stroke-width: 2;
  }
  .dot.selected {
    fill: var(--m-text);
    stroke: var(--m-surface);
  }
  .dot.pointed {
    stroke: var(--m-focus);
    stroke-width: 4;
  }
  .cross {
    stroke: var(--m-focus);
    stroke-width: 1.5;
  }
  aside {
    display: flex;
    flex-direction: column;
    gap: 10px;
    min-width: 0;
    overflow: auto;
  }
  aside table {
    width: 100%;
  }
  aside h3 {
    font-size: 14px;
  }
  .legend {
    display: grid;
    grid-template-columns: 22px 1fr;
    gap: 0 8px;
    font-size: 13px;
    font-variant-numeric: tabular-nums;
  }
  .caption {
    grid-column: 1 / -1;
  }
  .key svg {
    vertical-align: middle;
  }
`;
