import { css, html, LitElement, nothing, type PropertyValues } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { classMap } from 'lit/directives/class-map.js';
import { styleMap } from 'lit/directives/style-map.js';
import type { TokenScore } from '../../engine/engine.ts';
import { number, percent } from '../shared/format.ts';
import { base } from '../shared/styles.ts';
import { differenceTint, tokenTint } from '../theme.ts';
import { joinedText, spansOf, type TokenSpan } from './spans.ts';

/** A stretch of the joined token texts, in UTF-16 units. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** Nats by which two models must differ before a token is marked as more or less likely. */
const CHANGED = 0.1;

const sumOf = (tokens: readonly TokenScore[]): number => tokens.reduce((sum, { logp }) => sum + logp, 0);

/** A text with its blanks and line ends visible. */
const quoted = (text: string): string => JSON.stringify(text).replaceAll(' ', '␣');

/** A token among those of one character: its text, or its bytes while that is none. */
const nameOf = ({ id, text, bytes }: TokenScore): string =>
  `token ${id}: ${bytes ? `bytes ${bytes}` : text === '' ? 'no text yet' : quoted(text)}`;

/**
 * An answer token by token, each tinted by its log-probability, or by what training made of it. Tokens that share a
 * character are drawn as one, tinted by their sum. Pointing at a token, or moving to it with the arrow keys, shows its
 * numbers.
 *
 * @property tokens - in order, as the engine scored them
 * @property reference - the reference model's scores of the same tokens, where they are known
 * @property text - the answer as a whole; places the marks, and stands alone where the tokens do not spell it
 * @property marks - stretches of `text` underlined as not being in the picture, or not seen there
 * @property marked - what the marks mean, for the tip of a marked token
 * @property difference - tints by how much more or less likely a token is than under `reference`
 * @property label - accessible name of the group
 */
@customElement('margin-tokens')
export class MarginTokens extends LitElement {
  @property({ attribute: false }) tokens: readonly TokenScore[] = [];
  @property({ attribute: false }) reference: readonly TokenScore[] = [];
  @property() text = '';
  @property({ attribute: false }) marks: readonly Stretch[] = [];
  @property() marked = '';
  @property({ type: Boolean }) difference = false;
  @property() label = 'Tokens';
  @state() private pointed = -1;

  static override styles = [
    base,
    css`
      .tokens {
        border-radius: 3px;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
        line-height: 1.62;
      }
      .token {
        padding: 1px 0;
        border-radius: 2px;
      }
      .token.pointed {
        outline: 2px solid var(--m-text);
      }
      .token.more {
        border-bottom: 2px solid var(--m-chosen);
      }
      .token.less {
        border-bottom: 2px dashed var(--m-rejected);
      }
      .absent {
        text-decoration: underline dotted 2px var(--m-danger);
        text-underline-offset: 4px;
      }
      .special {
        margin-left: 4px;
        padding: 0 5px;
        border: 1px solid var(--m-line-strong);
        border-radius: 3px;
        font-size: 11.5px;
      }
      .tip {
        position: fixed;
        z-index: 20;
        max-width: 320px;
        padding: 7px 11px;
        border-radius: var(--m-radius);
        background: var(--m-accent);
        color: var(--m-on-accent);
        box-shadow: var(--m-shadow);
        font-size: 14px;
        pointer-events: none;
        white-space: normal;
      }
      .tip strong {
        font-family: var(--m-font-mono);
        white-space: pre;
      }
      .tip dl {
        display: grid;
        grid-template-columns: auto auto;
        gap: 0 12px;
        margin: 2px 0 0;
      }
      .tip dd {
        margin: 0;
        text-align: right;
        font-variant-numeric: tabular-nums;
      }
    `,
  ];

  #spans: readonly TokenSpan[] = [];

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('tokens')) this.#spans = spansOf(this.tokens);
  }

  protected override render() {
    const joined = joinedText(this.tokens);
    const text = this.text.trim();
    // Scores of an earlier version may be of broken texts: what was written goes before what was scored.
    if (text !== '' && joined.trim() !== text) return html`<p class="tokens" dir="auto">${this.text}</p>`;
    const shift = Math.max(0, joined.indexOf(text));
    return html`<div
        class="tokens"
        dir="auto"
        role="group"
        tabindex="0"
        aria-label=${`${this.label}. Arrow keys move from token to token.`}
        @keydown=${this.onKey}
        @blur=${() => this.point(-1)}
        @pointerleave=${() => this.point(-1)}
      >${this.#spans.map((span, i) => this.renderSpan(span, i, shift))}</div>
      ${this.renderTip(shift)}`;
  }

  private renderSpan({ from, to, text, special, start }: TokenSpan, i: number, shift: number) {
    const tokens = this.tokens.slice(from, to);
    const absent = this.isMarked({ start, text }, shift);
    const [, space, word] = text.match(/^(\s*)([\s\S]*)$/)!;
    const logp = sumOf(tokens);
    const before = this.difference
      ? tokens.reduce((sum, token, k) => sum + (this.reference[from + k] ?? token).logp, 0)
      : logp;
    const change = logp - before;
    const background = this.difference ? differenceTint(logp, before) : tokenTint(logp);
    return html`<span
      class=${classMap({ token: true, special, more: change > CHANGED, less: change < -CHANGED, pointed: i === this.pointed })}
      style=${styleMap({ background })}
      data-i=${i}
      @pointerenter=${() => this.point(i)}
    >${special ? 'end' : absent ? html`${space}<span class="absent">${word}</span>` : text}</span>`;
  }

  private isMarked({ start, text }: Pick<TokenSpan, 'start' | 'text'>, shift: number): boolean {
    return this.marks.some((mark) => mark.start + shift < start + text.length && mark.end + shift > start);
  }

  private renderTip(shift: number) {
    const span = this.#spans[this.pointed];
    return html`<div class=${span ? 'tip' : 'visually-hidden'} role="status">
      ${span ? html`${this.renderNumbers(span)} ${this.isMarked(span, shift) ? html`<p>${this.marked}</p>` : nothing}` : nothing}
    </div>`;
  }

  private renderNumbers({ from, to, text, special }: TokenSpan) {
    const tokens = this.tokens.slice(from, to);
    // The reference scores the text, which may be cut into other tokens than were sampled: from there on, none is shown.
    const known = this.tokens.slice(0, to).every(({ id }, i) => this.reference[i]?.id === id);
    const reference = known ? this.reference.slice(from, to) : [];
    const several = tokens.length > 1;
    const of = several ? `, sum of ${tokens.length} tokens` : '';
    const [first] = tokens;
    const rows: [string, string][] = [
      [`log-probability${reference.length > 0 ? ', policy' : ''}${of}`, number(sumOf(tokens), 4)],
      ...(reference.length > 0
        ? ([[`log-probability, reference${of}`, number(sumOf(reference), 4)]] as [string, string][])
        : []),
      ['probability', percent(Math.exp(sumOf(tokens)))],
      ...(several
        ? tokens.map((token): [string, string] => [nameOf(token), number(token.logp, 4)])
        : ([
            ['entropy', `${number(first.entropy, 3)} nats`],
            ['most likely token', percent(first.top1)],
          ] as [string, string][])),
    ];
    return html`<strong><bdi>${special ? first.text : quoted(text)}</bdi></strong>
      <dl>${rows.map(([name, value]) => html`<dt><bdi>${name}</bdi></dt><dd>${value}</dd>`)}</dl>`;
  }

  private point(i: number): void {
    this.pointed = i;
  }

  private onKey(event: KeyboardEvent): void {
    const last = this.#spans.length - 1;
    const rightwards = getComputedStyle(event.currentTarget as Element).direction === 'rtl' ? -1 : 1;
    const step = (by: number) => Math.min(last, Math.max(0, this.pointed + by));
    const to: Record<string, number> = {
      ArrowRight: step(rightwards),
      ArrowLeft: step(-rightwards),
      Home: 0,
      End: last,
      Escape: -1,
    };
    if (!(event.key in to) || (event.key === 'Escape' && this.pointed < 0)) return;
    event.preventDefault();
    event.stopPropagation();
    this.point(to[event.key]);
  }

  /** The tip stands above its token, inside the window, in front of whatever scrolls. */
  protected override updated(): void {
    const tip = this.renderRoot.querySelector<HTMLElement>('.tip');
    const anchor = this.renderRoot.querySelector<HTMLElement>('.token.pointed');
    if (!tip || !anchor) return;
    const at = anchor.getBoundingClientRect();
    const own = tip.getBoundingClientRect();
    const left = Math.min(Math.max(8, at.left), window.innerWidth - own.width - 8);
    const above = at.top - own.height - 8;
    tip.style.left = `${left}px`;
    tip.style.top = `${above >= 8 ? above : at.bottom + 8}px`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-tokens': MarginTokens;
  }
}
