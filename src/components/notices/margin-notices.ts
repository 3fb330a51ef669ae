import { css, html, LitElement } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import type { App } from '../../state/app.ts';
import { Select } from '../../state/select.ts';
import type { Notice, NoticeAction } from '../../state/state.ts';
import { type IconName, icon } from '../shared/icons.ts';
import { base, buttons } from '../shared/styles.ts';

const ICONS: Record<Notice['tone'], IconName> = { info: 'info', success: 'check', error: 'warning' };

type Intents = App['intents'];

/** What a notice may offer. */
const ACTIONS: Readonly<Record<NoticeAction, { readonly label: string; readonly press: (intents: Intents) => void }>> =
  {
    'save here': { label: 'Save in this tab instead', press: (intents) => intents.saveHere() },
    'back to toybox': { label: 'Back to Toybox', press: (intents) => void intents.backToToybox() },
    'photo models': {
      label: 'Switch to the photo models',
      press: (intents) => void intents.useModelsFor('photographs'),
    },
    'toybox models': { label: 'Switch to Toybox', press: (intents) => void intents.useModelsFor('toybox') },
  };

/**
 * What happened, what was kept, what to do: messages in the corner, errors until dismissed. Spoken by screen
 * readers through one polite and one assertive live region that stand on the page from the start.
 *
 * @property app - the page's application object
 */
@customElement('margin-notices')
export class MarginNotices extends LitElement {
  @property({ attribute: false }) app!: App;
  #notices = new Select(
    this,
    () => this.app?.store,
    (state) => state.notices,
  );

  static override styles = [
    base,
    buttons,
    css`
      :host {
        position: fixed;
        z-index: 10;
        right: 14px;
        bottom: 14px;
        width: min(430px, calc(100vw - 28px));
        pointer-events: none;
      }
      ul {
        display: grid;
        gap: 8px;
        margin: 0;
        padding: 0;
        list-style: none;
      }
      ul + ul:not(:empty) {
        margin-top: 8px;
      }
      li {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr) auto;
        gap: 10px;
        align-items: start;
        padding: 9px 9px 9px 13px;
        border: 1px solid var(--m-line-strong);
        border-left-width: 4px;
        border-radius: var(--m-radius);
        background: var(--m-surface);
        box-shadow: var(--m-shadow);
        pointer-events: auto;
      }
      li > svg {
        margin-top: 6px;
      }
      li p {
        padding-top: 4px;
        overflow-wrap: anywhere;
      }
      li p + button {
        margin-top: 8px;
      }
      .error {
        border-color: var(--m-danger);
      }
      .error > svg {
        color: var(--m-danger);
      }
      .success {
        border-left-color: var(--m-ok);
      }
    `,
  ];

  protected override render() {
    const notices = this.#notices.value;
    const errors = notices.filter(({ tone }) => tone === 'error');
    const others = notices.filter(({ tone }) => tone !== 'error');
    return html`<ul aria-live="polite" aria-label="Messages">
        ${this.renderList(others)}
      </ul>
      <ul aria-live="assertive" aria-label="Errors">
        ${this.renderList(errors)}
      </ul>`;
  }

  private renderList(notices: readonly Notice[]) {
    return repeat(
      notices,
      ({ id }) => id,
      ({ id, tone, message, action }) =>
        html`<li class=${tone}>
          ${icon(ICONS[tone])}
          <div><p>${tone === 'error' ? html`<span class="visually-hidden">Error: </span>` : ''}${message}</p>
          ${
            action
              ? html`<button @click=${() => ACTIONS[action].press(this.app.intents)}>${ACTIONS[action].label}</button>`
              : ''
          }</div>
          <button class="quiet icon" aria-label="Dismiss" @click=${() => this.app.intents.dismissNotice(id)}>${icon('close')}</button>
        </li>`,
    );
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-notices': MarginNotices;
  }
}
