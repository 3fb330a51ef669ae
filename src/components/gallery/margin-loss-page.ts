import { html, LitElement, nothing, type PropertyValues } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { type EveryLoss, everyLoss } from '../../kernels/losses/families/every.ts';
import { PROBLEMS } from '../../kernels/losses/problems.ts';
import type { App } from '../../state/app.ts';
import { hyperparameterValues, objectiveNamed } from '../../state/objectives.ts';
import { Select } from '../../state/select.ts';
import '../kernels/margin-wgsl.ts';
import '../objective/margin-knobs.ts';
import { icon } from '../shared/icons.ts';
import { shared } from '../shared/styles.ts';
import { entries, NEEDS } from './entries.ts';
import { type LossFolder, loadLossFolder } from './loss-folder.ts';
import './margin-thumbnail.ts';
import { type Block, parseMarkdown } from './markdown.ts';
import { pictureOf } from './pictures.ts';
import { renderBlock } from './render-markdown.ts';
import { pageStyles } from './styles.ts';

interface Page {
  readonly id: string;
  readonly blocks: readonly Block[];
  readonly sources: LossFolder['sources'];
}

/**
 * The page of one loss: its `loss.md`, its curve at the present knobs, and its WGSL and TypeScript beside it.
 *
 * @property app - the page's application object
 * @property tagged - the loss
 * @fires filter-problem - detail: the id of a problem whose other solutions are wanted
 */
@customElement('margin-loss-page')
export class MarginLossPage extends LitElement {
  @property({ attribute: false }) app!: App;
  @property({ attribute: false }) tagged!: EveryLoss;
  @state() private page: Page | null = null;
  @state() private error = '';
  /** Index of the source on show: the WGSL, then the TypeScript files. */
  @state() private source = 0;

  #settings = new Select(
    this,
    () => this.app?.store,
    ({ settings }) => settings,
  );

  static override styles = [shared, pageStyles];

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('tagged')) return;
    this.source = 0;
    void this.load(this.tagged.loss.id);
  }

  /** Settles when the page is there, or its error. */
  async load(id: string): Promise<void> {
    this.error = '';
    try {
      const { text, sources } = await loadLossFolder(id);
      // The newest wish counts.
      if (this.tagged.loss.id === id) this.page = { id, blocks: parseMarkdown(text), sources };
    } catch (error) {
      this.error = error instanceof Error ? error.message : String(error);
    }
    await this.updateComplete;
    this.renderRoot.querySelector('.text')?.scrollTo({ top: 0 });
  }

  protected override render() {
    const { loss } = this.tagged;
    const ready = this.page?.id === loss.id;
    return html`${this.renderBar()}
      <div class="columns">
        <div class="text" tabindex="0" role="region" aria-label=${`About ${loss.label}`}>
          ${
            this.error
              ? html`<p role="alert">The page of ${loss.label} could not be loaded. ${this.error}</p>
                  <p><button @click=${() => this.load(loss.id)}>Try again</button></p>`
              : ready
                ? this.page!.blocks.map(
                    (block, i) => html`${renderBlock(block)} ${i === 1 ? this.renderFacts() : nothing}`,
                  )
                : html`<p class="muted" role="status">Opening the page…</p>`
          }
        </div>
        ${ready ? this.renderSources(this.page!) : nothing}
      </div>`;
  }

  private renderBar() {
    const { loss } = this.tagged;
    const { intents } = this.app;
    const at = everyLoss.indexOf(this.tagged);
    const neighbour = (step: 1 | -1) => everyLoss[(at + step + everyLoss.length) % everyLoss.length].loss;
    const present = this.#settings.value.objective === loss.id;
    return html`<div class="bar">
      <button @click=${() => intents.openGallery()}>${icon('undo')} All objectives</button>
      <span class="grow"></span>
      <button class="quiet" title=${neighbour(-1).label} @click=${() => intents.openGallery(neighbour(-1).id)}>Previous</button>
      <button class="quiet" title=${neighbour(1).label} @click=${() => intents.openGallery(neighbour(1).id)}>Next</button>
      <button class="quiet" title="Copy an address that opens this page" @click=${this.copyLink}>${icon('link')} Copy link</button>
      ${
        objectiveNamed(loss.id)
          ? html`<button class="primary" @click=${this.use}>${present ? 'Back to the objective panel' : 'Use in the objective panel'}</button>`
          : nothing
      }
    </div>`;
  }

  private renderFacts() {
    const { loss } = this.tagged;
    const values = hyperparameterValues(this.#settings.value, loss);
    const needs = entries.find(({ tagged }) => tagged === this.tagged)?.needs ?? [];
    return html`<div class="facts">
      <div class="picture">
        <margin-thumbnail .picture=${pictureOf(this.tagged, values)}></margin-thumbnail>
        <margin-knobs .app=${this.app} .objective=${loss} .values=${values}></margin-knobs>
      </div>
      <p>
        <span class="muted">Made for</span>
        ${loss.problems.map(
          (problem) =>
            html`<button
              class="chip"
              title=${PROBLEMS[problem].says}
              @click=${() => this.dispatchEvent(new CustomEvent('filter-problem', { detail: problem, bubbles: true, composed: true }))}
            >
              ${PROBLEMS[problem].label}
            </button>`,
        )}
      </p>
      <p>
        <span class="muted">Needs</span>
        ${
          needs.length > 0
            ? needs.map((need) => html`<span class="chip">${NEEDS[need]}</span>`)
            : html`nothing but the policy’s log-probabilities`
        }
      </p>
    </div>`;
  }

  private renderSources({ sources }: Page) {
    const files = [this.tagged.loss.wgsl, ...sources];
    const shown = files[this.source] ?? files[0];
    const name = (path: string) => path.split('/').at(-1);
    return html`<div class="sources">
      <div class="row choice" role="group" aria-label="Source">
        ${files.map(
          ({ path }, i) =>
            html`<button
              aria-pressed=${i === this.source}
              @click=${() => {
                this.source = i;
              }}
            >
              ${name(path)}
            </button>`,
        )}
      </div>
      <margin-wgsl .path=${shown.path} .code=${shown.code}></margin-wgsl>
    </div>`;
  }

  private use(): void {
    this.app.intents.setSetting('objective', this.tagged.loss.id);
    this.app.intents.setTab('objective');
    this.app.intents.closeOverlay();
  }

  private async copyLink(): Promise<void> {
    const link = this.app.intents.link();
    try {
      await navigator.clipboard.writeText(link);
      this.app.intents.notify('success', `Link copied. It opens the page of ${this.tagged.loss.label} at these knobs.`);
    } catch {
      this.app.intents.notify('info', `This browser did not allow copying. The link: ${link}`);
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-loss-page': MarginLossPage;
  }
}
