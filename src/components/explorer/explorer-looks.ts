/** Looks of the explorer: knobs on the left, the picture on the right, larger letters than on the page. */
import { css } from 'lit';

export const explorerLooks = css`
  :host {
    display: grid;
    grid-template-columns: minmax(300px, 25%) minmax(0, 1fr);
    height: 100%;
    min-height: 0;
  }
  .side {
    display: flex;
    flex-direction: column;
    gap: 12px;
    min-height: 0;
    padding: 14px 16px;
    overflow: auto;
    border-right: 1px solid var(--m-line);
  }
  .side margin-loss-picker {
    font-size: 17px;
    font-weight: 600;
  }
  .train {
    margin-top: auto;
  }
  .train margin-train-buttons {
    display: flex;
    gap: 8px;
  }
  .pair {
    display: grid;
    grid-template-columns: auto minmax(0, 1fr) auto;
    gap: 6px;
    align-items: center;
  }
  .main {
    display: flex;
    flex-direction: column;
    min-width: 0;
    min-height: 0;
    padding: 8px 18px 12px;
  }
  .top {
    display: flex;
    gap: 24px;
    align-items: center;
    justify-content: space-between;
    min-height: 46px;
    border-bottom: 1px solid var(--m-line);
  }
  .top margin-formula {
    min-width: 0;
  }
  .tabs {
    display: flex;
    flex: none;
    gap: 4px;
    align-self: end;
  }
  .tabs button {
    border: 0;
    border-radius: 0;
    background: none;
    font-size: 17px;
  }
  .tabs button[aria-selected='true'] {
    border-bottom: 3px solid var(--m-text);
    font-weight: 650;
  }
  section {
    flex: 1;
    display: flex;
    flex-direction: column;
    min-height: 0;
    padding-top: 10px;
    overflow: auto;
  }
  section > * {
    flex: 1 0 auto;
  }
`;
