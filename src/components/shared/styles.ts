/** Looks shared by every element: reset, buttons, fields, panels. Compose them in `static styles = [base, …]`. */
import { css } from 'lit';

export const base = css`
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  :host {
    display: block;
    color: var(--m-text);
    font-family: var(--m-font);
    font-size: var(--m-size);
    line-height: 1.45;
  }
  :host([hidden]),
  [hidden] {
    display: none !important;
  }
  :focus-visible {
    outline: 2px solid var(--m-focus);
    outline-offset: 2px;
  }
  h1,
  h2,
  h3,
  p {
    margin: 0;
  }
  h2 {
    font-size: var(--m-size);
    font-weight: 650;
    letter-spacing: 0.01em;
  }
  h3 {
    font-size: var(--m-size-small);
    font-weight: 650;
  }
  a {
    color: inherit;
    text-underline-offset: 2px;
  }
  code,
  output,
  .number {
    font-variant-numeric: tabular-nums;
  }
  code,
  .mono {
    font-family: var(--m-font-mono);
    font-size: 0.92em;
  }
  .muted {
    color: var(--m-muted);
  }
  .small {
    font-size: var(--m-size-small);
  }
  .row {
    display: flex;
    align-items: center;
    gap: 8px;
    flex-wrap: wrap;
  }
  .spread {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 8px;
  }
  .visually-hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    margin: -1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  @media (prefers-reduced-motion: reduce) {
    * {
      animation: none !important;
      transition: none !important;
    }
  }
`;

export const buttons = css`
  button,
  .button {
    appearance: none;
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 6px;
    min-height: 32px;
    padding: 4px 11px;
    border: 1px solid var(--m-line-strong);
    border-radius: var(--m-radius);
    background: var(--m-surface);
    color: var(--m-text);
    font: inherit;
    font-size: 14px;
    line-height: 1.2;
    text-decoration: none;
    white-space: nowrap;
    cursor: pointer;
  }
  button:hover:not(:disabled, [aria-disabled='true']),
  .button:hover {
    background: var(--m-surface-2);
  }
  button:disabled,
  button[aria-disabled='true'] {
    opacity: 0.45;
    cursor: default;
  }
  button.primary {
    background: var(--m-accent);
    border-color: var(--m-accent);
    color: var(--m-on-accent);
    font-weight: 600;
  }
  button.primary:hover:not(:disabled, [aria-disabled='true']) {
    background: color-mix(in srgb, var(--m-accent) 86%, var(--m-bg));
  }
  button.quiet {
    border-color: transparent;
    background: transparent;
  }
  button.quiet:hover:not(:disabled) {
    background: var(--m-surface-2);
  }
  button.danger {
    color: var(--m-danger);
    border-color: currentColor;
  }
  button.icon {
    min-width: 32px;
    padding: 4px 7px;
  }
  button.chosen[aria-pressed='true'] {
    background: var(--m-chosen);
    border-color: var(--m-chosen);
    color: var(--m-on-chosen);
    font-weight: 600;
  }
  button.rejected[aria-pressed='true'] {
    background: var(--m-rejected);
    border-color: var(--m-rejected);
    color: var(--m-on-rejected);
    font-weight: 600;
  }
  button svg,
  .button svg {
    flex: none;
    width: 16px;
    height: 16px;
  }
`;

export const fields = css`
  label {
    font-size: var(--m-size-small);
    color: var(--m-muted);
  }
  input:not([type='range'], [type='checkbox'], [type='radio'], [type='file']),
  select,
  textarea {
    width: 100%;
    min-width: 0;
    min-height: 32px;
    padding: 5px 8px;
    border: 1px solid var(--m-line-strong);
    border-radius: var(--m-radius);
    background: var(--m-surface);
    color: var(--m-text);
    font: inherit;
    font-size: 14px;
    line-height: 1.35;
  }
  textarea {
    resize: vertical;
  }
  input[type='number'] {
    font-variant-numeric: tabular-nums;
  }
  input[type='range'] {
    width: 100%;
    min-width: 0;
    margin: 0;
    accent-color: var(--m-accent);
  }
  input:invalid,
  textarea:invalid {
    border-color: var(--m-danger);
  }
`;

export const panel = css`
  .panel {
    border: 1px solid var(--m-line);
    border-radius: var(--m-radius);
    background: var(--m-surface);
  }
  .empty {
    padding: 14px;
    border: 1px dashed var(--m-line-strong);
    border-radius: var(--m-radius);
    color: var(--m-muted);
    text-align: center;
  }
  .chip {
    display: inline-flex;
    align-items: center;
    gap: 5px;
    padding: 1px 7px;
    border: 1px solid var(--m-line);
    border-radius: 999px;
    background: var(--m-surface-2);
    color: var(--m-text);
    font-size: var(--m-size-small);
    white-space: nowrap;
  }
  .chip.chosen {
    border-color: var(--m-chosen);
    background: var(--m-chosen-soft);
    color: var(--m-chosen);
  }
  .chip.rejected {
    border-color: var(--m-rejected);
    background: var(--m-rejected-soft);
    color: var(--m-rejected);
  }
  .chip.warning {
    border-color: var(--m-rejected);
    color: var(--m-rejected);
    background: transparent;
  }
  .chip.error {
    border-color: var(--m-danger);
    background: var(--m-danger-soft);
    color: var(--m-danger);
  }
`;

/** All of the above, in the order they must come. */
export const shared = [base, buttons, fields, panel];
