/** Looks of the tab with several curves. */
import { css } from 'lit';

export const curvesLooks = css`
  :host {
    display: flex;
    flex-direction: column;
    gap: 8px;
    min-height: 0;
  }
  .chips {
    display: flex;
    flex-wrap: wrap;
    gap: 6px;
    align-items: center;
  }
  .line-chip {
    display: inline-flex;
    align-items: center;
    border: 1px solid var(--m-line-strong);
    border-radius: 999px;
  }
  .line-chip button {
    min-height: 30px;
    border: 0;
    background: none;
  }
  .line-chip.present {
    border-width: 2px;
    font-weight: 700;
  }
  .line-chip .remove {
    min-width: 26px;
    padding: 0 7px 0 0;
  }
  margin-loss-picker {
    width: 190px;
  }
  .plots {
    flex: 1;
    display: grid;
    grid-template-rows: 3fr 2fr;
    gap: 2px;
    min-height: 300px;
  }
  .axis {
    display: grid;
    grid-template-columns: max-content minmax(80px, 1fr) 84px;
    gap: 10px;
    align-items: center;
  }
  .values {
    max-height: 180px;
    overflow: auto;
  }
`;
