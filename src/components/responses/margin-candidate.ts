import { html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { classMap } from 'lit/directives/class-map.js';
import type { Truth } from '../../engine/engine.ts';
import { ABSENT_WORDS, absentMentions, absentNouns } from '../../preference/truth.ts';
import type { App } from '../../state/app.ts';
import { cutWords } from '../../state/selectors.ts';
import type { CandidateRecord } from '../../state/state.ts';
import { number } from '../shared/format.ts';
import { icon } from '../shared/icons.ts';
import { shared } from '../shared/styles.ts';
import { candidateStyles } from './candidate-styles.ts';
import './margin-tokens.ts';

const SOURCES: Record<CandidateRecord['source'], string> = { sampled: '', edited: 'edited', written: 'written' };

const CUT =
  'Not a whole answer, so no judge marks it. In a pair it would be learnt with an end token after its last word: edit it, or sample with more tokens.';

/** Least and greatest CLIP score on the table. */
export interface ClipRange {
  readonly min: number;
  readonly max: number;
}

/** Bar length for a cosine: answers about one picture lie close together, so the bar spans what is on the table. */
export function clipShare(clip: number, range: ClipRange): number {
  const span = range.max - range.min;
  return span > 1e-6 ? 0.08 + (0.92 * (clip - range.min)) / span : 1;
}

/**
 * One answer: its tokens, CLIP score, marks, and what can be done with it.
 *
 * @property app - the page's application object
 * @property candidate - the answer
 * @property ordinal - its number, which is also its key
 * @property truth - what is known of the picture's objects
 * @property verdict - beside words for what is absent: who says so; empty for a scene
 * @property clipRange - least and greatest CLIP score on the table
 * @property picked - whether the keyboard acts on it
 */
@customElement('margin-candidate')
export class MarginCandidate extends LitElement {
  @property({ attribute: false }) app!: App;
  @property({ attribute: false }) candidate!: CandidateRecord;
  @property({ type: Number }) ordinal = 1;
  @property({ attribute: false }) truth: Truth | undefined;
  @property() verdict = '';
  @property({ attribute: false, hasChanged: (a: ClipRange, b?: ClipRange) => a.min !== b?.min || a.max !== b?.max })
  clipRange: ClipRange = { min: 0, max: 1 };
  @property({ type: Boolean, reflect: true }) picked = false;
  @state() private editing = false;

  static override styles = [shared, candidateStyles];

  protected override render() {
    const { candidate } = this;
    const { mark } = candidate;
    const name = `Answer ${this.ordinal}`;
    const absent = absentNouns(absentMentions(candidate.text, this.truth, candidate.prompt));
    return html`<article class=${classMap({ chosen: mark === 'chosen', rejected: mark === 'rejected' })} aria-label=${name}>
      <span class="ordinal" title=${`${name}: press ${this.ordinal}`}>${this.ordinal}</span>
      <div class="text">
        ${this.editing ? this.renderEditor(name) : this.renderText(name)}
        ${
          this.truth && absent.length > 0
            ? html`<p class="absent small" title=${this.verdict || nothing}>
                ${ABSENT_WORDS[this.truth.by]}: ${absent.join(', ')}
              </p>`
            : nothing
        }
        ${candidate.error ? html`<p class="absent small" role="alert">${candidate.error}</p>` : nothing}
      </div>
      <div class="bar">${this.renderScores()} ${this.renderActions(name)}</div>
    </article>`;
  }

  private renderText(name: string) {
    const { candidate } = this;
    const streaming = candidate.status === 'streaming';
    if (candidate.tokens.length === 0) {
      return html`<p class="plain ${streaming ? 'cursor' : ''}" dir="auto">${candidate.text || (streaming ? '' : '(empty answer)')}</p>`;
    }
    return html`<margin-tokens
      .tokens=${candidate.tokens}
      .text=${candidate.text}
      .reference=${candidate.reference?.tokens ?? []}
      .marks=${absentMentions(candidate.text, this.truth, candidate.prompt)}
      .marked=${this.truth ? ABSENT_WORDS[this.truth.by] : ''}
      .label=${`${name}: ${candidate.text}`}
    ></margin-tokens>`;
  }

  private renderEditor(name: string) {
    return html`<textarea
      dir="auto"
      aria-label=${`Text of ${name.toLowerCase()}`}
      .value=${this.candidate.text}
      @keydown=${this.onEditorKey}
      @blur=${(event: FocusEvent) => this.finishEdit((event.target as HTMLTextAreaElement).value)}
    ></textarea>`;
  }

  private renderScores() {
    const { clip, tokens, logpSum, status, source } = this.candidate;
    const cut = cutWords(this.candidate);
    return html`<div class="scores">
      ${
        clip === undefined
          ? nothing
          : html`<span class="clip" title="CLIP cosine similarity of picture and answer; bar is scaled between the lowest and highest score here">
            <span class="muted small">CLIP</span>
            <span class="track" aria-hidden="true"><span class="fill" style=${`width:${100 * clipShare(clip, this.clipRange)}%`}></span></span>
            ${number(clip, 3)}
          </span>`
      }
      ${
        status === 'streaming'
          ? html`<span class="muted">writing…</span>`
          : status === 'scoring'
            ? html`<span class="muted">scoring…</span>`
            : tokens.length > 0
              ? html`<span title="Sum of the token log-probabilities under the policy, and the number of tokens">
                <span class="muted small">logp</span> ${number(logpSum, 2)}
                <span class="muted small">/ ${tokens.length}</span>
              </span>`
              : nothing
      }
      ${cut ? html`<span class="chip warning" title=${CUT}>${cut}</span>` : nothing}
      ${SOURCES[source] ? html`<span class="chip">${SOURCES[source]}</span>` : nothing}
    </div>`;
  }

  private renderActions(name: string) {
    const { id, mark, status } = this.candidate;
    const { intents } = this.app;
    const busy = status === 'streaming';
    const toggle = (kind: 'chosen' | 'rejected') => () => {
      if (mark === kind) intents.clearMark(id);
      else if (kind === 'chosen') intents.markChosen(id);
      else intents.markRejected(id);
    };
    return html`<div class="actions">
      <button
        class="chosen"
        aria-label="Mark chosen"
        data-once
        aria-pressed=${mark === 'chosen'}
        ?disabled=${busy}
        title=${`Mark ${name.toLowerCase()} chosen (c)`}
        @click=${toggle('chosen')}
      >
        ${icon('check')} Chosen
      </button>
      <button
        class="rejected"
        aria-label="Mark rejected"
        data-once
        aria-pressed=${mark === 'rejected'}
        ?disabled=${busy}
        title=${`Mark ${name.toLowerCase()} rejected (r)`}
        @click=${toggle('rejected')}
      >
        ${icon('cross')} Rejected
      </button>
      <button class="icon" aria-label="Edit answer" title="Edit answer" ?disabled=${busy} @click=${this.startEdit}>${icon('edit')}</button>
      <button class="icon" aria-label="Remove answer" title="Remove answer" ?disabled=${busy} @click=${() => intents.removeCandidate(id)}>
        ${icon('trash')}
      </button>
    </div>`;
  }

  private async startEdit(): Promise<void> {
    this.editing = true;
    await this.updateComplete;
    const field = this.renderRoot.querySelector('textarea');
    field?.focus();
    field?.setSelectionRange(field.value.length, field.value.length);
  }

  private finishEdit(text: string): void {
    if (!this.editing) return;
    this.editing = false;
    const trimmed = text.trim();
    if (trimmed && trimmed !== this.candidate.text) this.app.intents.editCandidate(this.candidate.id, trimmed);
  }

  private onEditorKey(event: KeyboardEvent): void {
    if (event.key === 'Escape') {
      event.stopPropagation();
      this.editing = false;
    } else if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.finishEdit((event.target as HTMLTextAreaElement).value);
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-candidate': MarginCandidate;
  }
}
