import { css, html, LitElement } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { live } from 'lit/directives/live.js';
import type { App } from '../../state/app.ts';
import { Select } from '../../state/select.ts';
import type { AppState } from '../../state/state.ts';
import { bytes } from '../shared/format.ts';
import { type IconName, icon } from '../shared/icons.ts';
import { base, buttons, fields } from '../shared/styles.ts';
import type { ModelChoice } from './catalog.ts';
import './margin-engine-badge.ts';

type Theme = AppState['view']['theme'];
const THEMES: Record<Theme, { icon: IconName; next: Theme; label: string }> = {
  system: { icon: 'auto', next: 'light', label: 'Theme: as the system' },
  light: { icon: 'sun', next: 'dark', label: 'Theme: light' },
  dark: { icon: 'moon', next: 'system', label: 'Theme: dark' },
};

/**
 * Name, models, engine and the page's own commands.
 *
 * @property app - the page's application object
 * @property choices - the models of the catalog
 * @fires open-shortcuts
 * @fires open-engine
 */
@customElement('margin-header')
export class MarginHeader extends LitElement {
  @property({ attribute: false }) app!: App;
  @property({ attribute: false }) choices: readonly ModelChoice[] = [];
  #view = new Select(
    this,
    () => this.app?.store,
    ({ settings, engine, view, history }) => ({
      // What is loaded, or is being loaded.
      vlm: (engine.kind === 'loading' && engine.models?.vlm) || settings.vlm,
      clip: (engine.kind === 'loading' && engine.models?.clip) || settings.clip,
      engine,
      theme: view.theme,
      undo: history.undo,
      redo: history.redo,
    }),
  );

  static override styles = [
    base,
    buttons,
    fields,
    css`
      header {
        display: flex;
        align-items: center;
        gap: 6px 14px;
        padding: 6px 14px;
        border-bottom: 1px solid var(--m-line);
        background: var(--m-surface);
      }
      h1 {
        font: 650 23px/1 var(--m-font-serif);
        letter-spacing: -0.01em;
      }
      .models {
        display: flex;
        gap: 8px;
      }
      .models select {
        width: 132px;
        text-overflow: ellipsis;
        min-height: 30px;
        padding-block: 2px;
      }
      margin-engine-badge {
        flex: 1 1 120px;
        min-width: 0;
      }
      nav {
        display: flex;
        gap: 2px;
      }
      nav button {
        padding-inline: 8px;
      }
      @media (max-width: 1250px) {
        nav .word {
          position: absolute;
          width: 1px;
          height: 1px;
          overflow: hidden;
          clip-path: inset(50%);
        }
      }
      @media (max-width: 860px) {
        header {
          flex-wrap: wrap;
        }
      }
    `,
  ];

  protected override render() {
    const { engine, theme, undo, redo } = this.#view.value;
    const { intents } = this.app;
    const look = THEMES[theme];
    return html`<header>
      <h1>Margin</h1>
      <div class="models">${this.renderPicker('vlm', 'Vision-language model')} ${this.renderPicker('clip', 'CLIP')}</div>
      <margin-engine-badge .engine=${engine} @cancel-load=${() => intents.cancelLoad()} @stop-now=${() => intents.stopNow()}></margin-engine-badge>
      <nav aria-label="Page">
        <button class="quiet icon" aria-label="Undo" title=${undo ? `Undo: ${undo} (Ctrl+Z)` : 'Nothing to undo'} ?disabled=${!undo} @click=${() => intents.undo()}>
          ${icon('undo')}
        </button>
        <button class="quiet icon" aria-label="Redo" title=${redo ? `Redo: ${redo} (Ctrl+Shift+Z)` : 'Nothing to redo'} ?disabled=${!redo} @click=${() => intents.redo()}>
          ${icon('redo')}
        </button>
        <button class="quiet" title="Copy a link that carries the settings and the seed" @click=${this.share}>${icon('link')} <span class="word">Share link</span></button>
        <button class="quiet" title="Every objective: curve, page, paper" @click=${() => intents.openGallery()}>${icon('gallery')} <span class="word">Objectives</span></button>
        <button class="quiet" title="The WGSL behind the numbers" @click=${() => intents.openOverlay('kernels')}>${icon('code')} <span class="word">Kernels</span></button>
        <button class="quiet" title="Licences, browsers, console" @click=${() => intents.openOverlay('about')}>${icon('info')} <span class="word">About</span></button>
        <button class="quiet icon" aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" @click=${() => this.fire('open-shortcuts')}>
          ${icon('keyboard')}
        </button>
        <button class="quiet icon" aria-label=${look.label} title=${look.label} @click=${() => intents.setTheme(look.next)}>${icon(look.icon)}</button>
      </nav>
    </header>`;
  }

  private renderPicker(key: 'vlm' | 'clip', label: string) {
    const current = this.#view.value[key];
    const choices = this.choices.filter(({ kind }) => kind === key);
    const about = choices.find(({ id }) => id === current)?.about ?? '';
    return html`<select
      aria-label=${label}
      title=${`${label}${about ? `: ${about}` : ''}`}
      @change=${(event: Event) => this.app.intents.setSetting(key, (event.target as HTMLSelectElement).value)}
    >
      ${choices.length === 0 ? html`<option value=${current} selected>${current}</option>` : ''}
      ${choices.map(
        ({ id, label: name, bundled, bytes: size }) =>
          html`<option value=${id} .selected=${live(id === current)}>${name}${bundled ? '' : ` (download, ${bytes(size)})`}</option>`,
      )}
    </select>`;
  }

  private async share(): Promise<void> {
    const link = this.app.intents.link();
    try {
      await navigator.clipboard.writeText(link);
      this.app.intents.notify(
        'success',
        'Link copied. It carries models, prompt, settings, objective and seed; pictures and pairs stay here.',
      );
    } catch {
      this.app.intents.notify('info', `This browser did not allow copying. The link: ${link}`);
    }
  }

  private fire(name: string): void {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, composed: true }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-header': MarginHeader;
  }
}
