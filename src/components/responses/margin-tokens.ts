import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { classMap } from 'lit/directives/class-map.js';
import { styleMap } from 'lit/directives/style-map.js';
import type { TokenScore } from '../../engine/engine.ts';
import { number, percent } from '../shared/format.ts';
import { base } from '../shared/styles.ts';
import { differenceTint, tokenTint } from '../theme.ts';

/** A stretch of the joined token texts, in UTF-16 units. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** Special tokens such as `<end_of_utterance>` stand for no text of the answer. */
export const isSpecial = (text: string): boolean => /^<\|?[\w-]+\|?>$/.test(text);

/** Nats by which two models must differ before a token is marked as more or less likely. */
const CHANGED = 0.1;

/**
 * An answer token by token, each tinted by its log-probability, or by what training made of it. Pointing at a token, or moving to it with the arrow
 * keys, shows its numbers.
 *
 * @property tokens - in order, as the engine scored them
 * @property reference - the reference model's scores of the same tokens, where they are known
 * @property text - the answer as a whole; places the marks
 * @property marks - stretches of `text` underlined as not being in the picture
 * @property difference - tints by how much more or less likely a token is than under `reference`
 * @property label - accessible name of the group
 */
@customElement('margin-tokens')
export class MarginTokens extends LitElement {
  @property({ attribute: false }) tokens: readonly TokenScore[] = [];
  @property({ attribute: false }) reference: readonly TokenScore[] = [];
  @property() text = '';
  @property({ attribute: false }) marks: readonly Stretch[] = [];
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

  /** Where each token begins in `text`; tokens of a prefix that was trimmed away begin below 0. */
  #starts(): number[] {
    const joined = this.tokens.map(({ text }) => (isSpecial(text) ? '' : text)).join('');
    let at = -Math.max(0, joined.indexOf(this.text.trim()));
    return this.tokens.map(({ text }) => {
      const start = at;
      if (!isSpecial(text)) at += text.length;
      return start;
    });
  }

  protected override render() {
    const starts = this.marks.length > 0 ? this.#starts() : [];
    return html`<div
        class="tokens"
        role="group"
        tabindex="0"
        aria-label=${`${this.label}. Arrow keys move from token to token.`}
        @keydown=${this.onKey}
        @blur=${() => this.point(-1)}
        @pointerleave=${() => this.point(-1)}
      >${this.tokens.map((token, i) => this.renderToken(token, i, starts[i]))}</div>
      ${this.renderTip()}`;
  }

  private renderToken(token: TokenScore, i: number, start: number | undefined) {
    const special = isSpecial(token.text);
    const end = (start ?? 0) + token.text.length;
    const absent = start !== undefined && !special && this.marks.some((mark) => mark.start < end && mark.end > start);
    const [, space, word] = token.text.match(/^(\s*)([\s\S]*)$/)!;
    const before = this.difference ? (this.reference[i]?.logp ?? token.logp) : token.logp;
    const change = token.logp - before;
    const background = this.difference ? differenceTint(token.logp, before) : tokenTint(token.logp);
    return html`<span
      class=${classMap({ token: true, special, more: change > CHANGED, less: change < -CHANGED, pointed: i === this.pointed })}
      style=${styleMap({ background })}
      data-i=${i}
      @pointerenter=${() => this.point(i)}
    >${special ? 'end' : absent ? html`${space}<span class="absent">${word}</span>` : token.text}</span>`;
  }

  private renderTip() {
    const token = this.tokens[this.pointed];
    // The reference scores the text, which may be cut into other tokens than were sampled: from there on, none is shown.
    const known = this.tokens.slice(0, this.pointed + 1).every(({ id }, i) => this.reference[i]?.id === id);
    const reference = known ? this.reference[this.pointed] : undefined;
    const rows: [string, string][] = token
      ? [
          [reference ? 'log-probability, policy' : 'log-probability', number(token.logp, 4)],
          ...(reference ? [['log-probability, reference', number(reference.logp, 4)] as [string, string]] : []),
          ['probability', percent(Math.exp(token.logp))],
          ['entropy', `${number(token.entropy, 3)} nats`],
          ['most likely token', percent(token.top1)],
        ]
      : [];
    return html`<div class=${token ? 'tip' : 'visually-hidden'} role="status">
      ${
        token
          ? html`<strong>${JSON.stringify(token.text).replaceAll(' ', '␣')}</strong>
            <dl>${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`
          : nothing
      }
    </div>`;
  }

  private point(i: number): void {
    this.pointed = i;
  }

  private onKey(event: KeyboardEvent): void {
    const last = this.tokens.length - 1;
    const to: Record<string, number> = {
      ArrowRight: Math.min(last, this.pointed + 1),
      ArrowLeft: Math.max(0, this.pointed - 1),
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
