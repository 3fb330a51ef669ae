/** Looks of the gallery and of a loss's page. */
import { css } from 'lit';

export const galleryStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    height: 100%;
    min-height: 0;
  }
  .tools {
    display: grid;
    grid-template-columns: minmax(180px, 1fr) minmax(150px, 230px) minmax(150px, 230px) max-content;
    gap: 6px 10px;
    align-items: center;
    padding: 10px 18px;
    border-bottom: 1px solid var(--m-line);
  }
  .says {
    grid-column: 1 / -1;
    font-size: 14px;
  }
  .scroll {
    flex: 1;
    min-height: 0;
    padding: 4px 18px 18px;
    overflow: auto;
  }
  h3 {
    margin: 14px 0 6px;
    color: var(--m-muted);
    font-size: var(--m-size-small);
    letter-spacing: 0.02em;
  }
  ul {
    display: grid;
    grid-template-columns: repeat(auto-fill, minmax(226px, 1fr));
    gap: 12px;
    margin: 0;
    padding: 0;
    list-style: none;
  }
  li {
    position: relative;
    display: flex;
    flex-direction: column;
    gap: 5px;
    padding: 9px 11px;
    border: 1px solid var(--m-line);
    border-radius: var(--m-radius);
    background: var(--m-surface);
    font-size: 14px;
    line-height: 1.38;
  }
  li:hover {
    border-color: var(--m-line-strong);
  }
  li.present {
    border-color: var(--m-text);
  }
  h4 {
    display: flex;
    align-items: baseline;
    justify-content: space-between;
    gap: 8px;
    margin: 0;
  }
  /* The name is the button; the whole card answers to it. */
  button.open {
    min-height: 0;
    padding: 0;
    border: 0;
    background: none;
    font-size: 16px;
    font-weight: 650;
    text-align: left;
    white-space: normal;
  }
  button.open::after {
    content: '';
    position: absolute;
    inset: 0;
    border-radius: var(--m-radius);
  }
  button.open:focus-visible {
    outline: none;
  }
  button.open:focus-visible::after {
    outline: 2px solid var(--m-focus);
    outline-offset: 2px;
  }
  .foot {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 8px;
    min-height: 28px;
    margin-top: auto;
  }
  .foot a,
  .use {
    position: relative;
  }
  .foot a {
    min-width: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  h4 span {
    flex: none;
    font-weight: normal;
  }
  .use {
    min-height: 28px;
    padding: 2px 9px;
  }
  .empty button {
    margin-left: 8px;
  }
`;

export const pageStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    height: 100%;
    min-height: 0;
  }
  .bar {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px;
    padding: 8px 18px;
    border-bottom: 1px solid var(--m-line);
  }
  .grow {
    flex: 1;
  }
  .columns {
    display: grid;
    flex: 1;
    grid-template-columns: minmax(0, 1.15fr) minmax(0, 1fr);
    min-height: 0;
  }
  .text,
  .sources {
    min-height: 0;
    overflow: auto;
  }
  .text {
    padding: 14px 22px 28px;
  }
  .sources {
    border-left: 1px solid var(--m-line);
  }
  .choice {
    gap: 4px;
    padding: 8px 12px;
    border-bottom: 1px solid var(--m-line);
    background: var(--m-surface-2);
  }
  .choice button {
    min-height: 28px;
    font-family: var(--m-font-mono);
    font-size: 13px;
  }
  .choice button[aria-pressed='true'] {
    border-color: var(--m-text);
    font-weight: 650;
  }
  h3 {
    font: 650 23px/1.25 var(--m-font-serif);
  }
  h4 {
    margin: 20px 0 4px;
    font-size: 17px;
    font-weight: 650;
  }
  .text > p,
  .text li {
    max-width: 72ch;
  }
  .text > p {
    margin: 6px 0;
  }
  .text > margin-formula {
    margin: 8px 0;
  }
  ul {
    margin: 4px 0;
    padding-left: 20px;
  }
  li {
    margin: 3px 0;
  }
  table {
    margin: 8px 0;
    border-collapse: collapse;
    font-size: 14.5px;
  }
  th,
  td {
    padding: 3px 16px 3px 0;
    border-bottom: 1px solid var(--m-line);
    font-weight: normal;
    text-align: left;
    vertical-align: baseline;
  }
  th[scope='row'] {
    white-space: nowrap;
  }
  th[scope='col'] {
    color: var(--m-muted);
    font-size: var(--m-size-small);
  }
  .facts {
    display: grid;
    gap: 8px;
    margin: 10px 0 14px;
    padding: 10px 12px;
    border: 1px solid var(--m-line);
    border-radius: var(--m-radius);
  }
  .facts p {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 5px;
    font-size: 14px;
  }
  .facts .chip {
    min-height: 0;
    font-size: 13px;
    line-height: 1.45;
  }
  .picture {
    display: grid;
    gap: 10px;
    --thumbnail-height: 130px;
  }
  @media (max-width: 900px) {
    .columns {
      display: block;
      overflow: auto;
    }
    .sources {
      border-left: 0;
      border-top: 1px solid var(--m-line);
    }
  }
`;
