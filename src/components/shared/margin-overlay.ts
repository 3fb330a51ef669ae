import { css, html, LitElement } from 'lit';
import { customElement, property, query } from 'lit/decorators.js';
import { icon } from './icons.ts';
import { base, buttons } from './styles.ts';

/**
 * A modal `<dialog>` with a heading and a close button. It is open while it is in the document; Escape, the button
 * and a press on the backdrop ask to close.
 *
 * @property heading - title, also the dialog's accessible name
 * @property size - `wide` fills most of the window, `full` all of it, `fit` is as large as its content
 * @fires close-overlay - the person asked to close
 */
@customElement('margin-overlay')
export class MarginOverlay extends LitElement {
  @property() heading = '';
  @property({ reflect: true }) size: 'wide' | 'full' | 'fit' = 'fit';
  @query('dialog') private dialog!: HTMLDialogElement;

  static override styles = [
    base,
    buttons,
    css`
      dialog {
        display: flex;
        flex-direction: column;
        padding: 0;
        max-width: min(960px, calc(100vw - 32px));
        max-height: calc(100vh - 32px);
        border: 1px solid var(--m-line);
        border-radius: 10px;
        background: var(--m-surface);
        color: var(--m-text);
        box-shadow: var(--m-shadow);
        overflow: hidden;
      }
      :host([size='wide']) dialog {
        width: min(1240px, calc(100vw - 32px));
        max-width: none;
        height: calc(100vh - 48px);
      }
      :host([size='full']) dialog {
        width: calc(100vw - 16px);
        max-width: none;
        height: calc(100vh - 16px);
        max-height: none;
      }
      dialog::backdrop {
        background: rgb(15 15 15 / 0.5);
      }
      header {
        display: flex;
        align-items: center;
        justify-content: space-between;
        gap: 16px;
        padding: 10px 10px 10px 18px;
        border-bottom: 1px solid var(--m-line);
      }
      h2 {
        font-size: var(--m-size-large);
      }
      .body {
        flex: 1;
        min-height: 0;
        overflow: auto;
      }
    `,
  ];

  protected override firstUpdated(): void {
    this.dialog.showModal();
  }

  private ask(): void {
    this.dispatchEvent(new CustomEvent('close-overlay', { bubbles: true, composed: true }));
  }

  protected override render() {
    return html`<dialog
      aria-labelledby="heading"
      @cancel=${(event: Event) => {
        event.preventDefault();
        this.ask();
      }}
      @click=${(event: MouseEvent) => {
        if (event.target === this.dialog) this.ask();
      }}
    >
      <header>
        <h2 id="heading">${this.heading}</h2>
        <button class="quiet icon" aria-label="Close" title="Close (Esc)" @click=${this.ask}>${icon('close')}</button>
      </header>
      <div class="body"><slot></slot></div>
    </dialog>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-overlay': MarginOverlay;
  }
}
