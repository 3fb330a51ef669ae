import { css } from 'lit';

export const trainingStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    gap: 6px;
    min-height: 0;
  }
  .head {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px 14px;
  }
  .head button {
    min-height: 30px;
    padding: 3px 10px;
  }
  button[aria-disabled='true'] {
    opacity: 0.6;
  }
  .buttons select {
    width: auto;
    min-height: 30px;
    padding: 2px 6px;
  }
  .status {
    display: flex;
    flex: 1 1 260px;
    flex-wrap: wrap;
    align-items: center;
    gap: 2px 12px;
    min-width: 0;
    font-size: 15px;
    font-variant-numeric: tabular-nums;
  }
  .message {
    color: var(--m-danger);
  }
  progress {
    width: 110px;
    height: 8px;
    accent-color: var(--m-accent);
  }
  .views {
    display: flex;
    flex-wrap: wrap;
  }
  .views button {
    border-radius: 0;
    margin-left: -1px;
  }
  .views button[aria-pressed='true'] {
    background: var(--m-surface-2);
    border-color: var(--m-text);
    font-weight: 600;
    z-index: 1;
  }
  .head ~ * {
    flex: 1;
  }
  .empty {
    max-width: 78ch;
    margin: auto;
    flex: none;
    font-size: 15px;
  }
`;
