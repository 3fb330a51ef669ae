/** Looks of the objective panel. */
import { css } from 'lit';

export const objectiveLooks = css`
  :host {
    display: flex;
    flex-direction: column;
    gap: 7px;
    min-height: 0;
  }
  .controls,
  .picture {
    display: flex;
    flex-direction: column;
    gap: 7px;
    min-width: 0;
  }
  .picture {
    flex: 1 0 auto;
  }
  /* As a tab the panel is wide: numbers on the left, the curve on the right. */
  @media (min-width: 760px) and (max-width: 1099px) {
    :host {
      display: grid;
      grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
      gap: 18px;
    }
  }
  .picker {
    display: flex;
    gap: 8px;
    align-items: center;
  }
  .picker margin-loss-picker {
    flex: 1;
    font-size: 16px;
    font-weight: 600;
  }
  /* A dozen knobs must leave room for what they do. */
  margin-knobs {
    max-height: 190px;
    overflow-y: auto;
  }
  .toggle[aria-pressed='true'] {
    background: var(--m-surface-2);
    border-color: var(--m-text);
    font-weight: 600;
  }
  margin-formula[display] {
    flex: none;
  }
  margin-curve {
    flex: 1 0 212px;
  }
  margin-answer {
    flex: 1 0 212px;
  }
  details {
    font-size: 14px;
  }
  summary {
    cursor: pointer;
    color: var(--m-muted);
    font-size: var(--m-size-small);
  }
  details dl {
    display: grid;
    grid-template-columns: max-content 1fr;
    gap: 2px 10px;
    margin: 4px 0;
  }
  details dd {
    margin: 0;
  }
  .why {
    padding: 5px 9px;
    border-left: 3px solid var(--m-line-strong);
    background: var(--m-surface-2);
    font-size: 13.5px;
    line-height: 1.38;
  }
  .why button {
    min-height: 0;
    padding: 0;
    border: 0;
    background: none;
    font-size: inherit;
    text-decoration: underline;
    text-underline-offset: 2px;
  }
`;
