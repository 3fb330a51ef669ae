import { html, LitElement, nothing, type PropertyValues } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { PairEvaluation } from '../../engine/engine.ts';
import type { App } from '../../state/app.ts';
import type { PairRecord } from '../../state/state.ts';
import { number } from '../shared/format.ts';
import { icon } from '../shared/icons.ts';
import { shared } from '../shared/styles.ts';
import { type DiffPart, diffWords } from './diff.ts';
import './margin-pair-scores.ts';
import { pairStyles } from './styles.ts';

/** Changed words are marked, the space before them is not. */
function markedPart({ text, changed }: DiffPart) {
  if (!changed) return text;
  const words = text.trimStart();
  return html`${text.slice(0, text.length - words.length)}<mark>${words}</mark>`;
}

/**
 * One preference pair: picture, prompt, both answers with the words that differ, its numbers, and what can be done
 * with it.
 *
 * @property app - the page's application object
 * @property pair - the pair
 * @property ordinal - its number in the list
 * @property values - what the objective makes of it; undefined while unscored and for ties
 * @property scored - whether the present objective looks at scores, so that they are shown
 * @property selected - whether it is the selected pair
 * @property pointed - whether the pointer is on it, here or on the curve
 */
@customElement('margin-pair')
export class MarginPair extends LitElement {
  @property({ attribute: false }) app!: App;
  @property({ attribute: false }) pair!: PairRecord;
  @property({ type: Number }) ordinal = 1;
  @property({ attribute: false }) values: PairEvaluation | undefined;
  @property({ type: Boolean }) scored = false;
  @property({ type: Boolean, reflect: true }) selected = false;
  @property({ type: Boolean, reflect: true }) pointed = false;
  @state() private editing = false;
  #diff: { first: DiffPart[]; second: DiffPart[] } = { first: [], second: [] };

  static override styles = [shared, pairStyles];

  protected override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get('pair');
    if (!changed.has('pair')) return;
    if (before?.chosen === this.pair.chosen && before?.rejected === this.pair.rejected) return;
    this.#diff = diffWords(this.pair.chosen, this.pair.rejected);
  }

  protected override render() {
    const { pair, ordinal } = this;
    const url = this.app.images.url(pair.imageId);
    return html`<article aria-label=${`Pair ${ordinal}`}>
      <button
        class="select"
        aria-pressed=${this.selected}
        aria-label=${`Select pair ${ordinal}: ${pair.prompt}`}
        @click=${() => this.app.intents.selectPair(this.selected ? null : pair.id)}
      >
        ${url ? html`<img src=${url} alt="" loading="lazy" decoding="async" />` : icon('image')}
        <span class="ordinal" aria-hidden="true">${ordinal}</span>
      </button>
      ${this.editing ? this.renderEditor() : html`${this.renderTexts()} ${this.renderNumbers()} ${this.renderActions()}`}
    </article>`;
  }

  private renderTexts() {
    const { pair } = this;
    const tie = pair.verdict === 'tie';
    const side = (kind: 'chosen' | 'rejected', parts: readonly DiffPart[]) => html`<p class=${kind}>
      <span class="side ${tie ? 'tie' : kind}">
        ${tie ? html`<span aria-hidden="true">=</span> tie` : html`${icon(kind === 'chosen' ? 'check' : 'cross')} ${kind}`}
      </span>
      <span class="text" dir="auto">${parts.map(markedPart)}</span>
    </p>`;
    return html`<div class="texts">
      <p class="prompt" dir="auto" title=${pair.prompt}>${pair.prompt}</p>
      ${side('chosen', this.#diff.first)} ${side('rejected', this.#diff.second)}
      ${
        this.scored && !tie
          ? html`<margin-pair-scores .app=${this.app} .pair=${pair} .ordinal=${this.ordinal}></margin-pair-scores>`
          : nothing
      }
      ${
        pair.error
          ? html`<p class="error" role="alert">
              ${pair.error} <button @click=${() => this.app.intents.scorePair(pair.id)}>Try again</button>
            </p>`
          : nothing
      }
    </div>`;
  }

  private renderNumbers() {
    const { pair, values } = this;
    if (pair.verdict === 'tie')
      return html`<p class="numbers muted">A tie: kept and exported, but no part of the loss.</p>`;
    if (!values) return html`<p class="numbers muted">${pair.error || pair.scores ? '' : 'not scored yet'}</p>`;
    const right = values.rewards.chosen > values.rewards.rejected;
    // Losses over sampled answers give these no reward of their own.
    const judged = !Number.isNaN(values.margin);
    return html`<dl class="numbers">
      <div><dt>loss</dt><dd>${number(values.loss, 4)}</dd></div>
      <div><dt>margin</dt><dd>${number(values.margin, 3)}</dd></div>
      <div title="1 when the chosen answer has the higher reward">
        <dt>accuracy</dt>
        <dd class=${judged ? (right ? 'right' : 'wrong') : 'muted'}>${judged ? (right ? '1 ✓' : '0 ✗') : '–'}</dd>
      </div>
    </dl>`;
  }

  private renderActions() {
    const { pair, ordinal } = this;
    const { intents } = this.app;
    const button = (name: Parameters<typeof icon>[0], label: string, title: string, act: () => void) =>
      html`<button class="quiet icon" aria-label=${`${label} pair ${ordinal}`} title=${title} @click=${act}>${icon(name)}</button>`;
    return html`<div class="actions">
      ${button('edit', 'Edit', 'Edit the texts', () => void this.startEdit())}
      ${button('swap', 'Swap', 'Swap chosen and rejected', () => intents.swapPair(pair.id))}
      ${button('trash', 'Delete', 'Delete (undo brings it back)', () => intents.deletePair(pair.id))}
    </div>`;
  }

  private renderEditor() {
    const { pair } = this;
    const field = (kind: 'chosen' | 'rejected') => html`<label>
      <span class="side ${kind}">${icon(kind === 'chosen' ? 'check' : 'cross')} ${kind}</span>
      <textarea name=${kind} rows="1" dir="auto" required .value=${pair[kind]}></textarea>
    </label>`;
    return html`<form class="texts" @submit=${this.onSave} @keydown=${this.onEditorKey}>
      ${field('chosen')} ${field('rejected')}
      <div class="row">
        <button class="primary" title="Save (Ctrl+Enter)">Save</button>
        <button type="button" title="Cancel (Esc)" @click=${() => void this.stopEdit()}>Cancel</button>
      </div>
    </form>`;
  }

  private async startEdit(): Promise<void> {
    this.editing = true;
    await this.updateComplete;
    this.scrollIntoView({ block: 'nearest' });
    this.renderRoot.querySelector('textarea')?.focus({ preventScroll: true });
  }

  private async stopEdit(): Promise<void> {
    this.editing = false;
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>('button[aria-label^="Edit"]')?.focus();
  }

  private onSave(event: SubmitEvent): void {
    event.preventDefault();
    const fields = new FormData(event.target as HTMLFormElement);
    const text = (name: string) => String(fields.get(name) ?? '').trim();
    this.app.intents.editPair(this.pair.id, { chosen: text('chosen'), rejected: text('rejected') });
    void this.stopEdit();
  }

  private onEditorKey(event: KeyboardEvent): void {
    if (event.key === 'Escape') {
      event.stopPropagation();
      void this.stopEdit();
    } else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      (event.currentTarget as HTMLFormElement).requestSubmit();
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-pair': MarginPair;
  }
}
