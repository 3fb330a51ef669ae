import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { Scene } from '../../toybox/index.ts';
import { base, panel } from '../shared/styles.ts';
import { truthWords } from './truth.ts';

/**
 * What is true of a scene: what stands in it, how many, where, and what stands beside what.
 *
 * @property scene - the scene
 */
@customElement('margin-truth')
export class MarginTruth extends LitElement {
  @property({ attribute: false }) scene!: Scene;

  static override styles = [
    base,
    panel,
    css`
      dl {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        gap: 3px 10px;
        margin: 0;
        font-size: 14px;
      }
      dt {
        color: var(--m-muted);
      }
      dd {
        margin: 0;
      }
    `,
  ];

  protected override render() {
    const { place, objects, relations } = truthWords(this.scene);
    return html`<dl aria-label="Truth of the scene">
      <dt>Objects</dt>
      <dd>${objects.length > 0 ? objects.join(', ') : 'none'}</dd>
      <dt>Place</dt>
      <dd>${place}</dd>
      ${
        relations.length > 0
          ? html`<dt>Where</dt>
              <dd>${relations.join('; ')}</dd>`
          : nothing
      }
    </dl>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-truth': MarginTruth;
  }
}
