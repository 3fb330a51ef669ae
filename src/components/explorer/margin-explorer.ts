import { html, LitElement } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { everyLoss, taggedLoss } from '../../kernels/losses/families/every.ts';
import { fullFormula } from '../../kernels/losses/objective.ts';
import type { App } from '../../state/app.ts';
import { hyperparameterValues } from '../../state/objectives.ts';
import { Select } from '../../state/select.ts';
import { FollowEvaluation } from '../objective/figures.ts';
import '../objective/margin-formula.ts';
import '../objective/margin-knobs.ts';
import '../objective/margin-loss-picker.ts';
import { FollowPointed, pointersOf } from '../shared/pointed.ts';
import { shared } from '../shared/styles.ts';
import '../training/margin-train-buttons.ts';
import { answerPicture } from './answer-picture.ts';
import './margin-answer.ts';
import './margin-explorer-curves.ts';
import './margin-explorer-map.ts';
import './margin-explorer-sensitivity.ts';
import { explorerLooks } from './explorer-looks.ts';
import { memoryOf, type Tab } from './memory.ts';
import { type View, viewOf } from './view.ts';

/**
 * The objective on a whole window: its knobs on the left; on the right several objectives over one margin, the map of a
 * pair's two answers, or what turning a knob does. It shows and changes the same state as the objective panel.
 *
 * @property app - the page's application object
 */
@customElement('margin-explorer')
export class MarginExplorer extends LitElement {
  @property({ attribute: false }) app!: App;
  @state() private tab: Tab = 'curves';
  #view = new Select(
    this,
    () => this.app?.store,
    ({ settings, pairs, selectedPair }) => ({ settings, pairs, selectedPair }),
  );
  #pointed = new FollowPointed(this, () => this.app && pointersOf(this.app).pair);

  static override styles = [shared, explorerLooks];

  constructor() {
    super();
    // Rows of pairs change with every step of a run.
    new FollowEvaluation(this, () => this.app);
  }

  protected override firstUpdated(): void {
    this.tab = memoryOf(this.app).tab;
  }

  protected override render() {
    const { settings, selectedPair } = this.#view.value;
    const every = taggedLoss(settings.objective) ?? everyLoss[0];
    const values = hyperparameterValues(settings, every.loss);
    const view = viewOf(this.app, every, values, selectedPair);
    const answer = answerPicture(view);
    const tabs: { id: Tab; label: string }[] = [
      ...(answer ? [{ id: 'answer' as const, label: answer.title }] : []),
      { id: 'curves', label: 'Curves' },
      { id: 'map', label: 'Map' },
      { id: 'sensitivity', label: 'Sensitivity' },
    ];
    const tab = tabs.some(({ id }) => id === this.tab) ? this.tab : tabs[0].id;
    return html`<div class="side">
        <margin-loss-picker
          .value=${every.loss.id}
          @loss-change=${(event: CustomEvent<string>) => this.app.intents.setSetting('objective', event.detail)}
        ></margin-loss-picker>
        <margin-knobs .app=${this.app} .objective=${every.loss} .values=${values}></margin-knobs>
        ${this.renderPair(view)}
        <p class="muted small">${every.loss.summary}</p>
        <div class="train">
          <margin-train-buttons .app=${this.app}></margin-train-buttons>
        </div>
      </div>
      <div class="main">
        <div class="top"><div class="tabs" role="tablist" aria-label="Pictures" @keydown=${(event: KeyboardEvent) => this.onTabKey(event, tabs, tab)}>
          ${tabs.map(
            ({ id, label }) => html`<button
              id=${`tab-${id}`}
              role="tab"
              aria-selected=${id === tab}
              aria-controls="picture"
              tabindex=${id === tab ? 0 : -1}
              @click=${() => this.open(id)}
            >
              ${label}
            </button>`,
          )}
        </div>
        <margin-formula display .tex=${fullFormula(every.loss)}></margin-formula></div>
        <section
          id="picture"
          role="tabpanel"
          aria-labelledby=${`tab-${tab}`}
          @point-pair=${(event: CustomEvent<string | null>) => {
            pointersOf(this.app).pair.id = event.detail;
          }}
          @select-pair=${(event: CustomEvent<string>) => this.select(event.detail)}
        >
          ${
            tab === 'curves'
              ? html`<margin-explorer-curves .app=${this.app} .view=${view}></margin-explorer-curves>`
              : tab === 'map'
                ? html`<margin-explorer-map .app=${this.app} .view=${view}></margin-explorer-map>`
                : tab === 'sensitivity'
                  ? html`<margin-explorer-sensitivity .app=${this.app} .view=${view}></margin-explorer-sensitivity>`
                  : html`<margin-answer .picture=${answer!} .pointed=${this.#pointed.id} .selected=${view.likeId}></margin-answer>`
          }
        </section>
      </div>`;
  }

  private renderPair({ pairs, likeId }: View) {
    if (pairs.length === 0)
      return html`<p class="muted small">No scored pair yet: curves go through an example pair.</p>`;
    const at = pairs.findIndex(({ id }) => id === likeId);
    const to = (index: number) => this.select(pairs[(index + pairs.length) % pairs.length].id);
    return html`<div class="pair">
      <button aria-label="Pair before" ?disabled=${pairs.length < 2} @click=${() => to(at - 1)}>‹</button>
      <select aria-label="Pair" @change=${(event: Event) => this.select((event.target as HTMLSelectElement).value)}>
        ${pairs.map(({ id, name }) => html`<option value=${id} .selected=${id === likeId}>${name}</option>`)}
      </select>
      <button aria-label="Next pair" ?disabled=${pairs.length < 2} @click=${() => to(at + 1)}>›</button>
    </div>`;
  }

  private open(tab: Tab): void {
    this.tab = tab;
    memoryOf(this.app).tab = tab;
  }

  private select(id: string): void {
    if (this.#view.value.pairs.some((pair) => pair.id === id)) this.app.intents.selectPair(id);
  }

  private async onTabKey(event: KeyboardEvent, tabs: readonly { id: Tab }[], tab: Tab): Promise<void> {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = tabs[(tabs.findIndex(({ id }) => id === tab) + step + tabs.length) % tabs.length].id;
    this.open(next);
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>(`#tab-${next}`)?.focus();
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-explorer': MarginExplorer;
  }
}
