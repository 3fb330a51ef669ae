/** Looks of the middle column. */
import { css } from 'lit';

export const responsesStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    gap: 8px;
    min-height: 0;
    height: 100%;
  }
  .ask {
    display: flex;
    align-items: end;
    gap: 8px;
  }
  .prompt {
    flex: 1;
    min-width: 0;
  }
  .prompt textarea {
    display: block;
    min-height: 38px;
    margin-top: 1px;
    padding: 7px 9px;
    font-size: 16px;
    field-sizing: content;
    max-height: 110px;
    resize: none;
  }
  .ask-button {
    min-height: 38px;
    min-width: 168px;
    font-size: var(--m-size);
  }
  .head,
  .foot {
    display: flex;
    align-items: center;
    flex-wrap: wrap;
    gap: 6px 8px;
  }
  .head {
    margin-top: 2px;
  }
  .head margin-legend {
    margin-left: 2px;
  }
  .grow {
    flex: 1;
  }
  .head button {
    min-height: 28px;
    padding: 2px 8px;
    font-size: var(--m-size-small);
  }
  .toggle[aria-pressed='true'] {
    background: var(--m-surface-2);
    border-color: var(--m-text);
    font-weight: 600;
  }
  .marking {
    display: inline-flex;
    align-items: center;
    gap: 4px;
  }
  .activity {
    display: flex;
    align-items: center;
    gap: 10px;
    min-height: 22px;
  }
  .activity progress {
    width: 130px;
    height: 8px;
    accent-color: var(--m-accent);
  }
  .activity button {
    min-height: 22px;
    padding: 0 8px;
  }
  .scroll {
    flex: 1;
    min-height: 0;
    overflow: auto;
    scrollbar-gutter: stable;
    padding: 2px;
    margin: -2px;
  }
  ol {
    display: grid;
    gap: 6px;
    margin: 0;
    padding: 0;
    list-style: none;
  }
  .empty {
    margin-top: 8px;
    padding: 26px 20px;
    font-size: 16px;
  }
  .foot {
    padding-top: 6px;
    border-top: 1px solid var(--m-line);
  }
  .foot form {
    display: flex;
    flex: 1 1 220px;
    gap: 6px;
  }
  .marks {
    display: inline-flex;
    align-items: center;
    gap: 5px;
    font-size: var(--m-size-small);
  }
`;
