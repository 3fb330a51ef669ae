/** Looks of `margin-lines`. */
import { css } from 'lit';

export const linesStyles = css`
  :host {
    position: relative;
    min-height: 100px;
  }
  svg {
    position: absolute;
    inset: 0;
    width: 100%;
    height: 100%;
    overflow: visible;
    touch-action: pan-y;
  }
  text {
    fill: var(--m-text);
    font: 14px var(--m-font);
    font-variant-numeric: tabular-nums;
  }
  .title {
    font-size: 16px;
    font-weight: 600;
  }
  .title,
  .band-name,
  .name {
    paint-order: stroke;
    stroke: var(--m-surface);
    stroke-width: 5px;
    stroke-linejoin: round;
  }
  .name.strong {
    font-weight: 700;
  }
  .band {
    fill: var(--m-surface-2);
  }
  .band-name {
    fill: var(--m-muted);
    font-size: 13px;
  }
  .grid {
    stroke: var(--m-line);
  }
  .zero {
    stroke: var(--m-line-strong);
  }
  .leader {
    stroke: var(--m-line-strong);
  }
  .cursor {
    stroke: var(--m-focus);
    stroke-width: 1.5;
  }
  .line {
    fill: none;
    stroke-width: 2.5;
    stroke-linejoin: round;
  }
  .line.strong {
    stroke-width: 4.5;
  }
  .line.chosen {
    stroke: var(--m-chosen);
  }
  .line.rejected {
    stroke: var(--m-rejected);
    stroke-dasharray: 8 5;
  }
  .dots,
  .dot {
    fill: var(--m-surface);
    stroke: var(--m-text);
    stroke-width: 2;
  }
  .dots.rejected {
    stroke: var(--m-rejected);
    stroke-width: 3;
  }
  .dot {
    pointer-events: none;
  }
  .dot.selected {
    fill: var(--m-text);
  }
  .dot.pointed {
    stroke: var(--m-focus);
    stroke-width: 4;
  }
`;
