import { css, html, LitElement } from 'lit';
import { customElement } from 'lit/decorators.js';
import { base } from '../shared/styles.ts';
import { SHORTCUTS } from './shortcuts.ts';

/** The list of keys, as the dialog behind `?` shows it. */
@customElement('margin-shortcuts')
export class MarginShortcuts extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        padding: 14px 20px 20px;
      }
      dl {
        display: grid;
        grid-template-columns: max-content 1fr;
        gap: 7px 24px;
        margin: 0;
        align-items: center;
      }
      dd {
        margin: 0;
      }
      kbd {
        display: inline-block;
        min-width: 26px;
        padding: 1px 7px;
        border: 1px solid var(--m-line-strong);
        border-bottom-width: 2px;
        border-radius: 5px;
        background: var(--m-surface-2);
        font: 14px var(--m-font-mono);
        text-align: center;
      }
    `,
  ];

  protected override render() {
    return html`<dl>
      ${SHORTCUTS.map(
        ({ keys, does }) =>
          html`<dt>${keys.map((key) => (key === '…' ? ' … ' : html`<kbd>${key}</kbd> `))}</dt>
            <dd>${does}</dd>`,
      )}
    </dl>`;
  }
}
