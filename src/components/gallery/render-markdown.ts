/** Blocks of a page as templates. Formulas go through the page's one KaTeX element. */
import { html, type TemplateResult } from 'lit';
import '../objective/margin-formula.ts';
import type { Block, Inline } from './markdown.ts';

type Part = string | TemplateResult;

function renderInline(part: Inline): Part {
  switch (part.kind) {
    case 'text':
      return part.text;
    case 'code':
      return html`<code>${part.text}</code>`;
    case 'math':
      return html`<margin-formula .tex=${part.text}></margin-formula>`;
    case 'em':
      return html`<em>${part.content.map(renderInline)}</em>`;
    case 'strong':
      return html`<strong>${part.content.map(renderInline)}</strong>`;
    case 'link':
      return html`<a href=${part.href} target="_blank" rel="noreferrer">${part.content.map(renderInline)}</a>`;
  }
}

/** One block. Headings begin at h3: the overlay's own is an h2. */
export function renderBlock(block: Block): TemplateResult {
  switch (block.kind) {
    case 'heading':
      return block.level === 1
        ? html`<h3>${block.content.map(renderInline)}</h3>`
        : html`<h4>${block.content.map(renderInline)}</h4>`;
    case 'paragraph':
      return html`<p>${block.content.map(renderInline)}</p>`;
    case 'math':
      return html`<margin-formula display .tex=${block.tex}></margin-formula>`;
    case 'list':
      return html`<ul>
        ${block.items.map((item) => html`<li>${item.map(renderInline)}</li>`)}
      </ul>`;
    case 'table':
      return html`<table>
        <thead>
          <tr>
            ${block.head.map((cell) => html`<th scope="col">${cell.map(renderInline)}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${block.rows.map(
            ([first, ...rest]) =>
              html`<tr><th scope="row">${first.map(renderInline)}</th>${rest.map((cell) => html`<td>${cell.map(renderInline)}</td>`)}</tr>`,
          )}
        </tbody>
      </table>`;
  }
}
