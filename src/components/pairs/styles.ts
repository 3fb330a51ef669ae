import { css } from 'lit';

export const pairsStyles = css`
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
    gap: 2px 8px;
  }
  .grow {
    flex: 1;
  }
  .head button {
    min-height: 28px;
    padding: 2px 8px;
  }
  .head .muted {
    font-size: 14px;
  }
  ol {
    flex: 1;
    min-height: 0;
    margin: 0;
    padding: 0;
    overflow: auto;
    list-style: none;
  }
  /* Rows out of sight cost nothing, so hundreds of pairs scroll as a few do. */
  li {
    content-visibility: auto;
    contain-intrinsic-size: auto 76px;
    border-top: 1px solid var(--m-line);
  }
  .empty {
    max-width: 68ch;
    margin: auto;
    font-size: 14px;
  }
`;

export const pairStyles = css`
  article {
    display: grid;
    grid-template-columns: 58px minmax(0, 1fr) auto auto;
    gap: 4px 12px;
    align-items: center;
    padding: 5px 4px;
    border-left: 4px solid transparent;
  }
  :host([pointed]) article {
    background: var(--m-surface-2);
  }
  :host([selected]) article {
    border-left-color: var(--m-accent);
    background: var(--m-surface-2);
  }
  .select {
    position: relative;
    width: 58px;
    height: 58px;
    padding: 0;
    border-color: var(--m-line);
    overflow: hidden;
  }
  .select img {
    width: 100%;
    height: 100%;
    object-fit: cover;
  }
  .ordinal {
    position: absolute;
    left: 0;
    bottom: 0;
    padding: 0 5px;
    border-top-right-radius: var(--m-radius);
    background: var(--m-surface);
    color: var(--m-text);
    font-size: 13px;
    font-variant-numeric: tabular-nums;
  }
  .texts {
    display: grid;
    gap: 1px;
    min-width: 0;
    font-size: 15px;
    line-height: 1.35;
  }
  .prompt {
    color: var(--m-muted);
    font-size: 14px;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .texts > p:not(.prompt, .error) {
    display: grid;
    grid-template-columns: 84px minmax(0, 1fr);
    gap: 8px;
  }
  .text {
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  .side {
    display: inline-flex;
    align-items: center;
    gap: 3px;
    align-self: start;
    font-size: 14px;
    font-weight: 600;
  }
  .side.chosen {
    color: var(--m-chosen);
  }
  .side.rejected {
    color: var(--m-rejected);
  }
  .side.tie {
    color: var(--m-muted);
  }
  mark {
    padding: 0 1px;
    border-radius: 2px;
    background: transparent;
    color: inherit;
    text-decoration: underline 2px;
    text-underline-offset: 3px;
  }
  .chosen mark {
    background: var(--m-chosen-soft);
    text-decoration-color: var(--m-chosen);
  }
  .rejected mark {
    background: var(--m-rejected-soft);
    text-decoration-color: var(--m-rejected);
    text-decoration-style: dashed;
  }
  .error {
    color: var(--m-danger);
    font-size: 14px;
  }
  .numbers {
    display: grid;
    gap: 0;
    width: 148px;
    margin: 0;
    font-size: 14px;
    font-variant-numeric: tabular-nums;
  }
  .numbers div {
    display: flex;
    justify-content: space-between;
    gap: 8px;
  }
  .numbers dt {
    color: var(--m-muted);
  }
  .numbers dd {
    margin: 0;
  }
  .actions {
    display: flex;
  }
  .actions button {
    min-height: 28px;
    min-width: 28px;
    padding: 2px 5px;
  }
  form.texts {
    grid-column: 2 / -1;
    grid-template-columns: minmax(0, 1fr) auto;
    gap: 4px 10px;
  }
  form label {
    grid-column: 1;
    display: grid;
    grid-template-columns: 84px minmax(0, 1fr);
    gap: 8px;
  }
  form textarea {
    min-height: 32px;
    field-sizing: content;
  }
  form .row {
    grid-area: 1 / 2 / 3 / 3;
  }
  @media (max-width: 760px) {
    article {
      grid-template-columns: 58px minmax(0, 1fr);
    }
    .numbers,
    .actions {
      grid-column: 2;
    }
  }
`;
