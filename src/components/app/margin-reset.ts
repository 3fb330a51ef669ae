import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { App } from '../../state/app.ts';
import { MOST_UNPACKED } from '../../zip.ts';
import { download } from '../pairs/download.ts';
import { shared } from '../shared/styles.ts';

/**
 * Asks before everything that the page has stored in this browser is deleted, and offers to export it first. The way out
 * where nothing else helps, so it stands on its own: it draws nothing of the state.
 *
 * @property app - the page's application object
 * @fires cancel-reset - the person wants to keep it all
 */
@customElement('margin-reset')
export class MarginReset extends LitElement {
  @property({ attribute: false }) app!: App;
  @state() private said = '';
  @state() private busy = false;

  static override styles = [
    shared,
    css`
      :host {
        display: block;
        padding: 14px 20px 20px;
        max-width: 560px;
      }
      p {
        margin: 0 0 10px;
      }
    `,
  ];

  protected override render() {
    return html`<p>
        This deletes the pictures, answers, pairs, training runs, adapters and settings that this page has stored in this
        browser. It cannot be undone. Downloaded model files stay.
      </p>
      <p>To keep your work, export it first: the file can be imported again afterwards.</p>
      ${this.said ? html`<p role="status">${this.said}</p>` : nothing}
      <div class="row">
        <button ?disabled=${this.busy} @click=${this.exportWorkspace}>Export workspace</button>
        <button class="danger" ?disabled=${this.busy} @click=${this.reset}>Delete everything and reload</button>
        <button ?disabled=${this.busy} @click=${() => this.dispatchEvent(new CustomEvent('cancel-reset', { bubbles: true, composed: true }))}>
          Cancel
        </button>
      </div>`;
  }

  private exportWorkspace = async (): Promise<void> => {
    await this.during('Exporting…', 'The workspace could not be exported: ', async () => {
      const file = await this.app.intents.exportWorkspace();
      download(file, 'margin-workspace.zip');
      // Notices lie behind this dialog.
      this.said =
        file.size > MOST_UNPACKED
          ? 'Exported, but the file is too large for Margin to open again: delete some pictures first and export again.'
          : 'Exported.';
    });
  };

  private reset = (): Promise<void> =>
    this.during('Deleting…', 'Not everything could be deleted: ', () => this.app.intents.resetPage());

  private async during(words: string, failed: string, work: () => Promise<void>): Promise<void> {
    this.busy = true;
    this.said = words;
    try {
      await work();
    } catch (error) {
      this.said = `${failed}${error instanceof Error ? error.message : String(error)}`;
    } finally {
      this.busy = false;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-reset': MarginReset;
  }
}
