/** Looks of one answer. */
import { css } from 'lit';

export const candidateStyles = css`
  article {
    position: relative;
    display: grid;
    grid-template-columns: 30px minmax(0, 1fr);
    gap: 2px 8px;
    padding: 8px 10px 8px 8px;
    border: 1px solid var(--m-line);
    border-left-width: 5px;
    border-radius: var(--m-radius);
    background: var(--m-surface);
  }
  :host([picked]) article {
    border-color: var(--m-focus);
    box-shadow: 0 0 0 1px var(--m-focus);
  }
  article.chosen {
    border-left-color: var(--m-chosen);
  }
  article.rejected {
    border-left-color: var(--m-rejected);
    border-left-style: double;
    border-left-width: 7px;
    padding-left: 6px;
  }
  .ordinal {
    display: grid;
    place-items: center;
    align-self: start;
    width: 26px;
    height: 26px;
    border-radius: 50%;
    background: var(--m-surface-2);
    font-size: 14px;
    font-weight: 650;
    font-variant-numeric: tabular-nums;
  }
  .chosen .ordinal {
    background: var(--m-chosen);
    color: var(--m-on-chosen);
  }
  .rejected .ordinal {
    background: var(--m-rejected);
    color: var(--m-on-rejected);
  }
  .text {
    min-width: 0;
    font-size: 16px;
  }
  .plain {
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  .cursor::after {
    content: '▍';
    animation: blink 1s steps(2) infinite;
  }
  @keyframes blink {
    50% {
      opacity: 0;
    }
  }
  .absent {
    color: var(--m-danger);
  }
  .bar {
    grid-column: 1 / -1;
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px 8px;
    margin-top: 3px;
  }
  .scores {
    display: flex;
    align-items: center;
    gap: 0 10px;
    flex: 1 1 150px;
    min-width: 0;
    flex-wrap: wrap;
    font-size: var(--m-size-small);
    font-variant-numeric: tabular-nums;
    white-space: nowrap;
  }
  .clip {
    display: inline-flex;
    align-items: center;
    gap: 6px;
  }
  .track {
    display: inline-block;
    width: 52px;
    height: 10px;
    border: 1px solid var(--m-line-strong);
    border-radius: 3px;
    overflow: hidden;
  }
  .fill {
    display: block;
    height: 100%;
    background: var(--m-accent);
  }
  .actions {
    display: flex;
    gap: 4px;
  }
  .actions button {
    min-height: 27px;
    padding: 2px 6px;
    gap: 4px;
    font-size: var(--m-size-small);
  }
  .actions .icon {
    min-width: 27px;
    padding: 2px 4px;
  }
  textarea {
    min-height: 62px;
    font-size: 16px;
  }
`;
