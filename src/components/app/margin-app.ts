import { html, LitElement, nothing, type PropertyValues } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { App } from '../../state/app.ts';
import { closeWithBack } from '../../state/persistence/back.ts';
import { Select } from '../../state/select.ts';
import { candidatesOnTable } from '../../state/selectors.ts';
import type { AppState } from '../../state/state.ts';
import '../about/margin-about.ts';
import '../camera/margin-camera.ts';
import '../composer/margin-composer.ts';
import '../explorer/margin-explorer.ts';
import '../images/margin-images.ts';
import '../kernels/margin-kernels.ts';
import '../notices/margin-notices.ts';
import '../objective/margin-objective.ts';
import '../pairs/margin-pairs.ts';
import '../responses/margin-responses.ts';
import '../shared/margin-overlay.ts';
import { shared } from '../shared/styles.ts';
import '../training/margin-train-buttons.ts';
import '../training/margin-training.ts';
import { applyTheme, installTheme } from '../theme.ts';
import type { ModelChoice } from './catalog.ts';
import './margin-engine-facts.ts';
import './margin-header.ts';
import './margin-no-webgpu.ts';
import './margin-reset.ts';
import './margin-shortcuts.ts';
import { Presses } from './presses.ts';
import { Shortcuts } from './shortcuts.ts';
import { appStyles } from './styles.ts';

type Tab = AppState['view']['tab'];
const TABS: readonly { readonly id: Tab; readonly label: string }[] = [
  { id: 'images', label: 'Images' },
  { id: 'responses', label: 'Responses' },
  { id: 'objective', label: 'Objective' },
  { id: 'training', label: 'Training' },
];

/**
 * The page: header, three columns, pairs or training below (tabs where it is narrow), overlays and notices.
 *
 * @property app - the page's application object
 * @property choices - the models of the catalog, for the pickers
 */
@customElement('margin-app')
export class MarginApp extends LitElement {
  @property({ attribute: false }) app: App | undefined;
  @property({ attribute: false }) choices: readonly ModelChoice[] = [];
  @state() private narrow = false;
  #stopBack = () => {};
  #media = matchMedia('(max-width: 1099px)');

  #view = new Select(
    this,
    () => this.app?.store,
    (state) => ({
      view: state.view,
      engine: state.engine,
      images: state.images.length,
      candidates: candidatesOnTable(state).length,
      pairs: state.pairs.length,
    }),
  );

  static override styles = [shared, appStyles];

  constructor() {
    super();
    installTheme();
    new Shortcuts(
      this,
      () => this.app,
      () => {
        const { intents, store } = this.app!;
        if (store.state.view.overlay === 'shortcuts') intents.closeOverlay();
        else intents.openOverlay('shortcuts');
      },
    );
    new Presses(this);
  }

  #onMedia = (): void => {
    this.narrow = this.#media.matches;
  };

  override connectedCallback(): void {
    super.connectedCallback();
    this.#media.addEventListener('change', this.#onMedia);
    this.#onMedia();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#media.removeEventListener('change', this.#onMedia);
    this.#stopBack();
  }

  /** From when the link and the earlier visits have said what is open. */
  private async followBack(): Promise<void> {
    this.#stopBack();
    const { app } = this;
    await app?.restored.catch(() => {}); // said elsewhere
    if (app && app === this.app && this.isConnected) {
      this.#stopBack = closeWithBack(app.store, () => app.intents.closeOverlay());
    }
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('app')) void this.followBack();
    if (this.app) applyTheme(this.#view.value.view.theme);
  }

  protected override render() {
    const { app } = this;
    if (!app) return nothing;
    const { engine } = this.#view.value;
    return html`<margin-header
        .app=${app}
        .choices=${this.choices}
        @open-shortcuts=${() => app.intents.openOverlay('shortcuts')}
        @open-engine=${() => app.intents.openOverlay('engine')}
      ></margin-header>
      <main>
        ${
          engine.kind === 'unavailable'
            ? html`<margin-no-webgpu .error=${engine.error} @retry-engine=${() => app.intents.retryEngine()} @open-reset=${() => app.intents.openOverlay('reset')}></margin-no-webgpu>`
            : nothing
        }
        ${this.narrow ? this.renderTabs() : nothing}
        <div class="columns">
          ${this.renderColumn('images', html`<margin-images .app=${app}></margin-images>`)}
          ${this.renderColumn('responses', html`<margin-responses .app=${app}></margin-responses>`)}
          ${this.renderColumn('objective', html`<margin-objective .app=${app}></margin-objective>`)}
          ${this.narrow ? this.renderColumn('training', html`<margin-training .app=${app}></margin-training>`) : nothing}
        </div>
        ${this.renderBottom(app)}
      </main>
      ${this.renderOverlay(app)}
      <margin-notices .app=${app}></margin-notices>`;
  }

  private renderColumn(id: Tab, content: unknown) {
    const { tab } = this.#view.value.view;
    const label = TABS.find((each) => each.id === id)!.label;
    return this.narrow
      ? html`<section class="panel" id=${`panel-${id}`} role="tabpanel" aria-labelledby=${`tab-${id}`} ?hidden=${tab !== id}>${content}</section>`
      : html`<section class="panel" id=${`panel-${id}`} aria-label=${label}>
          <h2 class="visually-hidden">${label}</h2>
          ${content}
        </section>`;
  }

  /** Pairs, or training where there are columns; both stay on the page, so that neither forgets what it shows. */
  private renderBottom(app: App) {
    const { view, pairs } = this.#view.value;
    const shown = this.narrow ? 'pairs' : view.bottom;
    const choice = (id: typeof view.bottom, label: string) =>
      html`<button aria-pressed=${shown === id} @click=${() => app.intents.setBottom(id)}>
        ${label}${id === 'pairs' && pairs > 0 ? html` <span class="muted">${pairs}</span>` : nothing}
      </button>`;
    return html`<div class="bottom ${shown}">
      ${
        this.narrow
          ? nothing
          : html`<div class="choice" role="group" aria-label="Below the columns">${choice('pairs', 'Pairs')} ${choice('training', 'Training')}
              ${shown === 'pairs' ? html`<margin-train-buttons .app=${app}></margin-train-buttons>` : nothing}
            </div>`
      }
      <section class="panel" aria-label="Pairs" ?hidden=${shown !== 'pairs'}><margin-pairs .app=${app}></margin-pairs></section>
      ${
        this.narrow
          ? nothing
          : html`<section class="panel" aria-label="Training" ?hidden=${shown !== 'training'}>
              <margin-training .app=${app}></margin-training>
            </section>`
      }
    </div>`;
  }

  private renderTabs() {
    const { tab } = this.#view.value.view;
    const { images, candidates } = this.#view.value;
    const counts: Partial<Record<Tab, number>> = { images, responses: candidates };
    return html`<div class="tabs" role="tablist" aria-label="Columns" @keydown=${this.onTabKey}>
      ${TABS.map(
        ({ id, label }) =>
          html`<button
            id=${`tab-${id}`}
            role="tab"
            aria-selected=${tab === id}
            aria-controls=${`panel-${id}`}
            tabindex=${tab === id ? 0 : -1}
            @click=${() => this.app!.intents.setTab(id)}
          >
            ${label}${counts[id] ? html` <span class="muted">${counts[id]}</span>` : nothing}
          </button>`,
      )}
    </div>`;
  }

  private async onTabKey(event: KeyboardEvent): Promise<void> {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = TABS.findIndex(({ id }) => id === this.#view.value.view.tab);
    const next = TABS[(at + step + TABS.length) % TABS.length].id;
    this.app!.intents.setTab(next);
    await new Promise((resolve) => setTimeout(resolve));
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>(`#tab-${next}`)?.focus();
  }

  /** The gallery and the pages of the losses come when somebody asks for them. */
  private async loadGallery(app: App): Promise<void> {
    try {
      await import('../gallery/margin-gallery.ts');
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      app.intents.closeOverlay();
      app.intents.notify(
        'error',
        `The gallery could not be loaded: ${why} Everything else goes on; try again in a moment.`,
      );
    }
  }

  private renderOverlay(app: App) {
    const close = () => app.intents.closeOverlay();
    switch (this.#view.value.view.overlay) {
      case 'none':
        return nothing;
      case 'shortcuts':
        return html`<margin-overlay heading="Keyboard shortcuts" @close-overlay=${close}><margin-shortcuts></margin-shortcuts></margin-overlay>`;
      case 'engine':
        return html`<margin-overlay heading="Engine" @close-overlay=${close}><margin-engine-facts .app=${app}></margin-engine-facts></margin-overlay>`;
      case 'kernels':
        return html`<margin-overlay size="wide" heading="Kernels" @close-overlay=${close}><margin-kernels .app=${app}></margin-kernels></margin-overlay>`;
      case 'explorer':
        return html`<margin-overlay size="full" heading="Explorer" @close-overlay=${close}><margin-explorer .app=${app}></margin-explorer></margin-overlay>`;
      case 'gallery':
        void this.loadGallery(app);
        return html`<margin-overlay size="wide" heading="Objectives" @close-overlay=${close}
          ><margin-gallery .app=${app}><p class="muted waiting" role="status">Opening the gallery…</p></margin-gallery></margin-overlay
        >`;
      case 'about':
        return html`<margin-overlay heading="About Margin" @close-overlay=${close}><margin-about .app=${app}></margin-about></margin-overlay>`;
      case 'composer':
        return html`<margin-overlay heading="Compose a scene" @close-overlay=${close}><margin-composer .app=${app}></margin-composer></margin-overlay>`;
      case 'reset':
        return html`<margin-overlay heading="Reset this page" @close-overlay=${close}
          ><margin-reset .app=${app} @cancel-reset=${close}></margin-reset
        ></margin-overlay>`;
      case 'camera':
        return html`<margin-overlay heading="Camera" @close-overlay=${close}><margin-camera .app=${app}></margin-camera></margin-overlay>`;
      default:
        return this.#view.value.view.overlay satisfies never;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-app': MarginApp;
  }
}
