import { html, LitElement, nothing } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { taggedLoss } from '../../kernels/losses/families/every.ts';
import { PROBLEMS, type Problem } from '../../kernels/losses/problems.ts';
import type { App } from '../../state/app.ts';
import { hyperparameterValues, objectiveNamed } from '../../state/objectives.ts';
import { Select } from '../../state/select.ts';
import { count } from '../shared/format.ts';
import { shared } from '../shared/styles.ts';
import { type Entry, entries, type Filter, matches, NEEDS, type Need, NO_FILTER } from './entries.ts';
import './margin-loss-page.ts';
import './margin-thumbnail.ts';
import { type Picture, pictureOf } from './pictures.ts';
import { galleryStyles } from './styles.ts';

/**
 * Every loss of every family with its curve at the present knobs, its paper and what it is for; filtered by text, by
 * what a loss needs and by the problem it answers. Shows the page of one loss where the state asks for it.
 *
 * @property app - the page's application object
 */
@customElement('margin-gallery')
export class MarginGallery extends LitElement {
  @property({ attribute: false }) app!: App;
  @state() private filter: Filter = NO_FILTER;
  @query('.scroll') private list!: HTMLElement | null;
  /** Where the overview stood before a page was opened, and which page is shown. */
  #top = 0;
  #shown: string | null = null;
  /** Pictures by loss and knobs: typing into the search field draws nothing anew. */
  #pictures = new Map<string, { readonly key: string; readonly picture: Picture }>();

  #view = new Select(
    this,
    () => this.app?.store,
    ({ settings, view }) => ({ settings, loss: view.loss }),
  );

  static override styles = [shared, galleryStyles];

  protected override willUpdate(): void {
    if (this.list) this.#top = this.list.scrollTop;
  }

  protected override updated(): void {
    this.list?.scrollTo({ top: this.#top });
    const { loss } = this.#view.value;
    if (loss !== this.#shown) void this.handFocus(this.#shown, loss);
    this.#shown = loss;
  }

  /** What had the focus is gone: it goes on to the page, and back to the card that the page was opened from. */
  private async handFocus(from: string | null, to: string | null): Promise<void> {
    if (to === null) {
      this.renderRoot.querySelector<HTMLElement>(`[data-id="${from}"] .open`)?.focus({ preventScroll: true });
    } else if (from === null) {
      const page = this.renderRoot.querySelector('margin-loss-page');
      await page?.updateComplete;
      page?.renderRoot.querySelector('button')?.focus();
    }
  }

  protected override render() {
    const { loss } = this.#view.value;
    const tagged = loss === null ? undefined : taggedLoss(loss);
    if (tagged) {
      return html`<margin-loss-page
        .app=${this.app}
        .tagged=${tagged}
        @filter-problem=${(event: CustomEvent<Problem>) => {
          this.#top = 0;
          this.filter = { ...NO_FILTER, problem: event.detail };
          this.app.intents.openGallery();
        }}
      ></margin-loss-page>`;
    }
    const shown = entries.filter((entry) => matches(entry, this.filter));
    const shelves = [...new Set(shown.map(({ shelf }) => shelf))];
    return html`${this.renderTools(shown.length)}
      <div class="scroll">
        ${shelves.map(
          (shelf) =>
            html`<section aria-label=${shelf}>
              <h3>${shelf}</h3>
              <ul role="list">
                ${shown.filter((entry) => entry.shelf === shelf).map((entry) => this.renderCard(entry))}
              </ul>
            </section>`,
        )}
        ${
          shown.length === 0
            ? html`<p class="empty">
              No objective answers to all of that.
              <button
                @click=${() => {
                  this.filter = NO_FILTER;
                }}
              >
                Show all
              </button>
            </p>`
            : nothing
        }
      </div>`;
  }

  private renderTools(shown: number) {
    const { text, need, problem } = this.filter;
    const set = (part: Partial<Filter>) => {
      this.#top = 0;
      this.list?.scrollTo({ top: 0 });
      this.filter = { ...this.filter, ...part };
    };
    const value = (event: Event) => (event.target as HTMLInputElement | HTMLSelectElement).value;
    return html`<div class="tools">
      <input
        type="search"
        aria-label="Search objectives"
        placeholder="Name, paper, arXiv number, word"
        .value=${text}
        @input=${(event: Event) => set({ text: value(event) })}
      />
      <select aria-label="Problem it answers" @change=${(event: Event) => set({ problem: value(event) as Filter['problem'] })}>
        <option value="" .selected=${problem === ''}>any problem</option>
        ${Object.entries(PROBLEMS).map(
          ([id, { label }]) => html`<option value=${id} .selected=${id === problem}>${label}</option>`,
        )}
      </select>
      <select aria-label="What it needs" @change=${(event: Event) => set({ need: value(event) as Filter['need'] })}>
        <option value="" .selected=${need === ''}>whatever it needs</option>
        <option value="none:reference" .selected=${need === 'none:reference'}>needs no reference</option>
        ${(Object.keys(NEEDS) as Need[]).map(
          (id) => html`<option value=${id} .selected=${id === need}>needs ${NEEDS[id]}</option>`,
        )}
      </select>
      <span class="muted" role="status">${shown === entries.length ? count(shown, 'objective') : `${shown} of ${entries.length}`}</span>
      ${problem === '' ? nothing : html`<p class="says">${PROBLEMS[problem].says}</p>`}
    </div>`;
  }

  private renderCard({ tagged, needs }: Entry) {
    const { loss } = tagged;
    const { settings } = this.#view.value;
    const { title, arxiv, year } = loss.paper;
    const present = settings.objective === loss.id;
    return html`<li class=${present ? 'present' : ''} data-id=${loss.id}>
      <h4>
        <button class="open" @click=${() => this.app.intents.openGallery(loss.id)}>${loss.label}</button>
        ${present ? html`<span class="muted small">in use</span>` : nothing}
      </h4>
      <margin-thumbnail .picture=${this.picture({ tagged })}></margin-thumbnail>
      <p>${loss.summary}</p>
      <p class="muted small">
        ${needs.length > 0 ? html`needs ${needs.map((need) => NEEDS[need]).join(', ')}` : 'needs no more than the policy'}
      </p>
      <p class="foot">
        <a
          class="small muted"
          href=${arxiv ? `https://arxiv.org/abs/${arxiv}` : nothing}
          target="_blank"
          rel="noreferrer"
          title=${`${title}, ${year}`}
          >${arxiv ? `arXiv ${arxiv}` : `${title}, ${year}`}</a
        >
        ${
          objectiveNamed(loss.id) && !present
            ? html`<button class="use" aria-label=${`Use ${loss.label}`} @click=${() => this.use(loss.id)}>Use</button>`
            : nothing
        }
      </p>
    </li>`;
  }

  /** The picture at the present knobs, drawn anew only when these change. */
  private picture({ tagged }: Pick<Entry, 'tagged'>): Picture {
    const values = hyperparameterValues(this.#view.value.settings, tagged.loss);
    const key = JSON.stringify(values);
    const known = this.#pictures.get(tagged.loss.id);
    if (known?.key === key) return known.picture;
    const picture = pictureOf(tagged, values);
    this.#pictures.set(tagged.loss.id, { key, picture });
    return picture;
  }

  private use(id: string): void {
    this.app.intents.setSetting('objective', id);
    this.app.intents.setTab('objective');
    this.app.intents.closeOverlay();
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-gallery': MarginGallery;
  }
}
