import { html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import { JUDGES, type JudgeId, judgeName } from '../../preference/judges.ts';
import { truthOf } from '../../preference/truth.ts';
import type { App } from '../../state/app.ts';
import { whyNotRankBy } from '../../state/intents/ranking.ts';
import { whyNotSample } from '../../state/intents/sampling.ts';
import { Select } from '../../state/select.ts';
import { candidatesOnTable, draftOf, markedOf, selectedImageOf } from '../../state/selectors.ts';
import type { Activity, CandidateRecord } from '../../state/state.ts';
import { icon } from '../shared/icons.ts';
import { verdictWords } from '../shared/judged.ts';
import { FollowPointed, pointersOf } from '../shared/pointed.ts';
import { shared } from '../shared/styles.ts';
import type { ClipRange } from './margin-candidate.ts';
import './margin-candidate.ts';
import './margin-legend.ts';
import './margin-sampling.ts';
import { responsesStyles } from './styles.ts';

/** Least and greatest CLIP score among the answers; 0 to 1 before any is scored. */
export function clipRangeOf(candidates: readonly CandidateRecord[]): ClipRange {
  const scores = candidates.flatMap(({ clip }) => (clip === undefined ? [] : [clip]));
  return scores.length > 0 ? { min: Math.min(...scores), max: Math.max(...scores) } : { min: 0, max: 1 };
}

/**
 * The middle column: prompt, sampling, the candidates and what makes a pair of two of them.
 *
 * @property app - the page's application object
 */
@customElement('margin-responses')
export class MarginResponses extends LitElement {
  @property({ attribute: false }) app!: App;
  @state() private byClip = false;
  @state() private writing = false;

  #view = new Select(
    this,
    () => this.app?.store,
    (state) => ({
      prompt: state.settings.prompt,
      n: state.settings.n,
      candidates: state.candidates,
      image: selectedImageOf(state),
      activity: state.activity,
      whyNot: whyNotSample(state) ?? '',
      ready: state.engine.kind === 'ready',
    }),
  );
  #picked = new FollowPointed(this, () => this.app && pointersOf(this.app).candidate);

  static override styles = [shared, responsesStyles];

  protected override render() {
    const { prompt } = this.#view.value;
    return html`<div class="ask">
        <label class="prompt"
          >Prompt<textarea
            rows="1"
            dir="auto"
            .value=${prompt}
            @input=${(event: Event) => this.app.intents.setSetting('prompt', (event.target as HTMLTextAreaElement).value)}
            @keydown=${this.onPromptKey}
          ></textarea>
        </label>
        ${this.renderSampleButton()}
      </div>
      <margin-sampling .app=${this.app}></margin-sampling>
      ${this.renderList()} ${this.renderFoot()}`;
  }

  private renderSampleButton() {
    const { n, whyNot } = this.#view.value;
    // It keeps its place and its meaning: Cancel stands beside the progress, where no second press of this one lands.
    return html`<button
      class="primary ask-button"
      aria-label="Sample responses"
      data-once
      ?disabled=${whyNot !== ''}
      title=${whyNot || `Sample ${n} answers (Ctrl+Enter in the prompt)`}
      @click=${() => this.app.intents.sample()}
    >
      ${icon('play')} Sample responses
    </button>`;
  }

  private renderList() {
    const { candidates, image, activity } = this.#view.value;
    const table = candidatesOnTable(this.app.store.state);
    const range = clipRangeOf(table);
    const ordered = table.map((candidate, i) => ({ candidate, ordinal: i + 1 }));
    if (this.byClip) {
      ordered.sort(
        (a, b) => (b.candidate.clip ?? Number.NEGATIVE_INFINITY) - (a.candidate.clip ?? Number.NEGATIVE_INFINITY),
      );
    }
    const scored = table.filter(({ clip }) => clip !== undefined).length;
    return html`<div class="head">
        <h2 id="candidates">Candidates</h2>
        <margin-legend></margin-legend>
        <span class="grow"></span>
        ${activity?.kind === 'sample' || activity?.kind === 'look' ? this.renderActivity(activity) : this.renderRanking(scored)}
      </div>
      ${
        // One pair is scored in a moment: a line that comes and goes would only push the list about.
        activity?.kind === 'score' && activity.total > 2
          ? html`<div class="head">${this.renderActivity(activity)}</div>`
          : nothing
      }
      <div class="scroll" tabindex="-1">
        <ol role="list" aria-labelledby="candidates">
          ${repeat(
            ordered,
            ({ candidate }) => candidate.id,
            ({ candidate, ordinal }) =>
              html`<li @focusin=${() => this.pick(candidate.id)} @click=${() => this.pick(candidate.id)}>
                <margin-candidate
                  .app=${this.app}
                  .candidate=${candidate}
                  .ordinal=${ordinal}
                  .truth=${truthOf(image)}
                  .verdict=${image ? verdictWords(image) : ''}
                  .clipRange=${range}
                  .picked=${candidate.id === this.#picked.id}
                ></margin-candidate>
              </li>`,
          )}
        </ol>
        ${candidates.length === 0 || table.length === 0 ? this.renderEmpty() : nothing}
      </div>`;
  }

  private renderRanking(scored: number) {
    return html`<button
        aria-pressed=${this.byClip}
        class="toggle"
        aria-label="Sort by CLIP"
        title="Shows the answers with the highest CLIP scores first"
        ?disabled=${scored < 2}
        @click=${() => {
          this.byClip = !this.byClip;
        }}
      >
        Sort
      </button>
      <span class="marking" role="group" aria-label="Mark by">
        <span class="muted small">Mark by</span>
        ${Object.values(JUDGES).map(({ id }) => this.renderMarkBy(id))}
      </span>`;
  }

  private renderMarkBy(id: JudgeId) {
    const { image } = this.#view.value;
    const by = judgeName(id, image ? [image] : []);
    const whyNot = whyNotRankBy(id, this.app.store.state);
    const verdict = id === 'truth' && image ? verdictWords(image) : '';
    return html`<button
      aria-label="Mark by ${by}"
      ?disabled=${whyNot !== null}
      title=${whyNot ?? `Picks two similar, whole answers with clearly different scores by ${by}. ${verdict}`}
      @click=${() => void this.app.intents.rankBy(id)}
    >
      ${by}
    </button>`;
  }

  private renderActivity({ label, done, total }: Activity) {
    return html`<p class="activity small" role="status">
      <progress aria-label=${label} max=${Math.max(1, total)} value=${done}></progress>
      ${label}${total > 0 ? `, ${done} of ${total}` : ''}
      <button class="quiet" title="What is finished, or written so far, stays" @click=${() => this.app.intents.cancel()}>${icon('stop')} Cancel</button>
    </p>`;
  }

  private renderEmpty() {
    const { whyNot, n } = this.#view.value;
    return html`<p class="empty">
      ${
        whyNot ||
        html`Press <strong>Sample responses</strong> and watch ${n === 1 ? 'an answer' : `${n} answers`} being written. Then mark
        one chosen and one rejected, and add the pair.`
      }
    </p>`;
  }

  private renderFoot() {
    const { image } = this.#view.value;
    const { state } = this.app.store;
    const { chosen, rejected } = markedOf(state);
    const table = candidatesOnTable(state);
    const ordinalOf = (candidate: CandidateRecord | undefined) => (candidate ? `${table.indexOf(candidate) + 1}` : '–');
    const ready = draftOf(state) !== null;
    return html`<div class="foot">
      ${
        this.writing
          ? html`<form @submit=${this.onWrite}>
            <input name="text" dir="auto" aria-label="Your own answer" placeholder="Your own answer" autocomplete="off" @keydown=${this.onWriteKey} />
            <button>Add answer</button>
          </form>`
          : html`<button class="quiet" ?disabled=${!image} @click=${this.startWriting}>${icon('edit')} Write your own</button>`
      }
      <span class="grow"></span>
      <span class="marks" aria-label="Marked answers">
        <span class="chip chosen">${icon('check')} ${ordinalOf(chosen)}</span>
        <span class="muted">over</span>
        <span class="chip rejected">${icon('cross')} ${ordinalOf(rejected)}</span>
      </span>
      <button ?disabled=${!ready} title="A tie: kept and exported, but no part of the loss (t)" @click=${() => this.app.intents.tie()}>Tie</button>
      <button
        class="primary"
        ?disabled=${!ready}
        title=${ready ? 'Keep this preference (a)' : 'Mark one answer chosen and another rejected'}
        @click=${() => this.app.intents.addPair()}
      >
        Add pair
      </button>
    </div>`;
  }

  private pick(id: string): void {
    pointersOf(this.app).candidate.id = id;
  }

  private onPromptKey(event: KeyboardEvent): void {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (!event.repeat && !this.#view.value.whyNot && this.#view.value.activity?.kind !== 'sample')
      this.app.intents.sample();
  }

  private async startWriting(): Promise<void> {
    this.writing = true;
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLInputElement>('form input')?.focus();
  }

  private onWrite(event: SubmitEvent): void {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const text = String(new FormData(form).get('text') ?? '').trim();
    if (text) this.app.intents.writeCandidate(text);
    this.writing = false;
  }

  private onWriteKey(event: KeyboardEvent): void {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    this.writing = false;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-responses': MarginResponses;
  }
}
