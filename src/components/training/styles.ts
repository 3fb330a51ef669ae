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
    font-size: 14.5px;
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
  .body {
    flex: 1;
    display: grid;
    grid-template-columns: max-content minmax(0, 1fr);
    gap: 6px 16px;
    min-height: 0;
  }
  .views {
    display: flex;
    flex-direction: column;
    gap: 2px;
  }
  .views button {
    justify-content: flex-start;
    min-height: 29px;
    padding: 2px 10px;
    border-color: transparent;
    border-left: 3px solid transparent;
    border-radius: 0;
    background: transparent;
  }
  .views button[aria-pressed='true'] {
    background: var(--m-surface-2);
    border-left-color: var(--m-text);
    font-weight: 650;
  }
  @media (max-width: 1099px) {
    .body {
      grid-template-columns: minmax(0, 1fr);
      grid-template-rows: max-content minmax(0, 1fr);
    }
    .views {
      flex-flow: row wrap;
    }
    /* Below the buttons there is a whole line for it. */
    .status {
      flex-basis: 100%;
      order: 1;
    }
  }
  .empty {
    max-width: 78ch;
    margin: auto;
    font-size: 15px;
  }
`;
