import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { base } from '../shared/styles.ts';
import { highlightLine } from './highlight.ts';

/**
 * One WGSL or TypeScript file with line numbers and light highlighting, scrollable by keyboard.
 *
 * @property path - shown above the source, relative to the repository root; its ending tells the language
 * @property code - the whole file
 */
@customElement('margin-wgsl')
export class MarginWgsl extends LitElement {
  @property() path = '';
  @property() code = '';

  static override styles = [
    base,
    css`
      figure {
        margin: 0;
      }
      figcaption {
        padding: 6px 12px;
        border-bottom: 1px solid var(--m-line);
        color: var(--m-muted);
      }
      pre {
        margin: 0;
        padding: 10px 0;
        overflow: auto;
        font: 13.5px / 1.55 var(--m-font-mono);
        tab-size: 2;
      }
      ol {
        margin: 0;
        padding: 0;
        list-style: none;
        counter-reset: line;
        min-width: max-content;
      }
      li {
        counter-increment: line;
        padding-right: 12px;
        white-space: pre;
      }
      li::before {
        content: counter(line);
        display: inline-block;
        width: 3.2em;
        margin-right: 1.1em;
        color: var(--m-muted);
        text-align: right;
        user-select: none;
      }
      .comment {
        color: var(--m-muted);
        font-style: italic;
      }
      .keyword {
        font-weight: 650;
      }
      .type,
      .string,
      .attribute {
        color: var(--m-chosen);
      }
      .number {
        color: var(--m-rejected);
      }
      .call {
        text-decoration: underline dotted color-mix(in srgb, var(--m-muted) 55%, transparent);
        text-underline-offset: 3px;
      }
    `,
  ];

  protected override render() {
    const language = this.path.endsWith('.ts') ? 'ts' : 'wgsl';
    const lines = this.code.replace(/\n$/, '').split('\n');
    return html`<figure>
      <figcaption class="mono">${this.path}</figcaption>
      <pre tabindex="0" aria-label=${`Source of ${this.path}`}><ol>${lines.map(
        (line) =>
          html`<li>${highlightLine(line, language).map(({ kind, text }) =>
            kind === 'plain' ? text : html`<span class=${kind}>${text}</span>`,
          )}${line === '' ? ' ' : nothing}</li>`,
      )}</ol></pre>
    </figure>`;
  }
}
