import { html, LitElement, nothing, type PropertyValues } from 'lit';
import { customElement, property, query } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import { PAIR_CANDIDATES } from '../../preference/judged-pairs.ts';
import { JUDGES, type JudgeId, judgeName } from '../../preference/judges.ts';
import type { App } from '../../state/app.ts';
import { whyNotPairBy } from '../../state/intents/ranking.ts';
import { needsScores } from '../../state/scores.ts';
import { Select } from '../../state/select.ts';
import { pairsInWords } from '../../state/selectors.ts';
import type { PairRecord } from '../../state/state.ts';
import { FollowEvaluation } from '../objective/figures.ts';
import { count } from '../shared/format.ts';
import { icon } from '../shared/icons.ts';
import { verdictWords } from '../shared/judged.ts';
import { FollowPointed, pointersOf } from '../shared/pointed.ts';
import { shared } from '../shared/styles.ts';
import { download } from './download.ts';
import './margin-pair.ts';
import { pairsStyles } from './styles.ts';

/**
 * The list of preference pairs, with what carries them out of the tab and into it.
 *
 * @property app - the page's application object
 */
@customElement('margin-pairs')
export class MarginPairs extends LitElement {
  @property({ attribute: false }) app!: App;
  @query('input[type=file]') private input!: HTMLInputElement;

  #view = new Select(
    this,
    () => this.app?.store,
    (state) => ({
      pairs: state.pairs,
      selectedPair: state.selectedPair,
      images: state.images,
      scored: needsScores(state.settings.objective),
      whyNotPair: whyNotPairBy(state),
    }),
  );
  #evaluation = new FollowEvaluation(this, () => this.app);
  #pointed = new FollowPointed(this, () => this.app && pointersOf(this.app).pair);
  #shownSelection: string | null = null;

  static override styles = [shared, pairsStyles];

  protected override updated(_changed: PropertyValues): void {
    const { selectedPair } = this.#view.value;
    if (selectedPair === this.#shownSelection) return;
    this.#shownSelection = selectedPair;
    // A pair may be selected as a dot on the curve while its row is out of sight.
    const row = [...this.renderRoot.querySelectorAll('margin-pair')].find(({ pair }) => pair.id === selectedPair);
    // A row that was just added has no height before it has drawn itself.
    void row?.updateComplete.then(() => row.scrollIntoView({ block: 'nearest' }));
  }

  protected override render() {
    const { pairs, images } = this.#view.value;
    const ties = pairs.filter(({ verdict }) => verdict === 'tie').length;
    return html`<div class="head">
        <h2>Pairs</h2>
        <span class="muted" role="status">${pairsInWords({ pairs })}</span>
        ${
          pairs.some(({ error }) => error)
            ? html`<button class="quiet" title="Score the pairs again that have no scores" @click=${() => this.app.intents.scoreFailedPairs()}>
                ${icon('reset')} Try again
              </button>`
            : nothing
        }
        <span class="grow"></span>
        ${Object.values(JUDGES).map(({ id }) => this.renderPairBy(id))}
        <button
          class="quiet"
          title="A file for TRL: JSON Lines with images, prompt, chosen, rejected"
          ?disabled=${pairs.length === ties}
          @click=${() => void this.exportPairs()}
        >
          ${icon('download')} Export pairs
        </button>
        <button
          class="quiet"
          title="One file with pictures, pairs and settings, for a colleague or another browser"
          ?disabled=${images.length === 0}
          @click=${() => void this.exportWorkspace()}
        >
          ${icon('download')} Export workspace
        </button>
        <button class="quiet" title="Add the pictures and pairs of a workspace file" @click=${() => this.input.click()}>
          ${icon('upload')} Import workspace
        </button>
        <input type="file" accept=".zip,application/zip" hidden aria-label="Workspace file" @change=${this.onFile} />
      </div>
      ${pairs.length > 0 ? this.renderList(pairs) : this.renderEmpty()}`;
  }

  private renderPairBy(id: JudgeId) {
    const { images, whyNotPair } = this.#view.value;
    const by = judgeName(id, images);
    const does = `Samples ${PAIR_CANDIDATES} answers about each of ${count(images.length, 'image')} and adds the best pair by ${by}.`;
    const looked = images.find(({ scene, seen }) => !scene && seen);
    const verdict = id === 'truth' && looked ? verdictWords(looked) : '';
    return html`<button
      class="quiet"
      title=${whyNotPair ?? `${does} ${verdict}`}
      data-once
      ?disabled=${whyNotPair !== null}
      @click=${() => void this.app.intents.pairBy(id)}
    >
      ${icon('play')} Pair all by ${by}
    </button>`;
  }

  private renderList(pairs: readonly PairRecord[]) {
    const { selectedPair, scored } = this.#view.value;
    const { ids, evaluation } = this.#evaluation.figures;
    const values = new Map(ids.map((id, index) => [id, evaluation?.pairs[index]]));
    const point = (id: string | null) => {
      pointersOf(this.app).pair.id = id;
    };
    return html`<ol role="list" aria-label="Preference pairs" tabindex="-1" @keydown=${this.onKey}>
      ${repeat(
        pairs,
        ({ id }) => id,
        (pair, index) => html`<li @pointerenter=${() => point(pair.id)} @pointerleave=${() => point(null)}>
          <margin-pair
            .app=${this.app}
            .pair=${pair}
            .ordinal=${index + 1}
            .values=${values.get(pair.id)}
            .scored=${scored}
            .selected=${pair.id === selectedPair}
            .pointed=${pair.id === this.#pointed.id}
          ></margin-pair>
        </li>`,
      )}
    </ol>`;
  }

  private renderEmpty() {
    return html`<div class="empty">
      <p>
        A pair says: about this picture, <strong>this answer is better than that one</strong>. Mark one answer chosen
        and another rejected, then press <strong>Add pair</strong>. Every pair becomes a dot on the loss curve, and is
        kept in this browser.
      </p>
    </div>`;
  }

  /** Up and down go through the pairs; Delete deletes the one that has the focus. */
  private onKey(event: KeyboardEvent): void {
    const rows = [...this.renderRoot.querySelectorAll('margin-pair')];
    const at = rows.findIndex((row) => row.matches(':focus-within'));
    const target = event.composedPath()[0] as HTMLElement;
    if (at < 0 || !target.classList.contains('select')) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      const next = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
      next.renderRoot.querySelector<HTMLElement>('.select')?.focus();
      this.app.intents.selectPair(next.pair.id);
    } else if (event.key === 'Delete') {
      event.preventDefault();
      this.app.intents.deletePair(rows[at].pair.id);
    }
  }

  private async exportPairs(): Promise<void> {
    await this.handOver(() => this.app.intents.exportPairs(), 'margin-pairs.jsonl');
  }

  private async exportWorkspace(): Promise<void> {
    await this.handOver(() => this.app.intents.exportWorkspace(), 'margin-workspace.zip');
  }

  private async handOver(make: () => Promise<Blob>, name: string): Promise<void> {
    try {
      download(await make(), name);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.app.intents.notify('error', `The export failed: ${why} Nothing was changed.`);
    }
  }

  private onFile(): void {
    const file = this.input.files?.[0];
    this.input.value = '';
    if (file) void this.app.intents.importWorkspace(file);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-pairs': MarginPairs;
  }
}
