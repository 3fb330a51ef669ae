import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { styleMap } from 'lit/directives/style-map.js';
import { ABSENT_WORDS, absentMentions, absentNouns, truthOf } from '../../preference/truth.ts';
import type { App } from '../../state/app.ts';
import { Select } from '../../state/select.ts';
import { selectedImageOf } from '../../state/selectors.ts';
import type { Comparison } from '../../state/state.ts';
import '../responses/margin-tokens.ts';
import { icon } from '../shared/icons.ts';
import { verdictWords } from '../shared/judged.ts';
import { shared } from '../shared/styles.ts';
import { differenceTint } from '../theme.ts';

/**
 * Before / after: the selected image and the prompt, answered by the reference and by the policy. Colours say which
 * tokens training made more or less likely.
 *
 * @property app - the page's application object
 */
@customElement('margin-train-compare')
export class MarginTrainCompare extends LitElement {
  @property({ attribute: false }) app!: App;
  #view = new Select(
    this,
    () => this.app?.store,
    (state) => ({
      training: state.training,
      adapter: state.adapter,
      image: selectedImageOf(state),
      prompt: state.settings.prompt,
      images: state.images,
      ready: state.engine.kind === 'ready',
    }),
  );

  static override styles = [
    shared,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 8px;
        min-height: 0;
        overflow: auto;
      }
      .sides {
        display: grid;
        grid-template-columns: 96px minmax(0, 1fr) minmax(0, 1fr);
        gap: 6px 18px;
      }
      img {
        width: 96px;
        border: 1px solid var(--m-line);
        border-radius: var(--m-radius);
      }
      h3 {
        font-size: 14px;
      }
      .about {
        flex: 1 1 240px;
      }
      .answer {
        min-height: 3em;
        font-size: 17px;
        line-height: 1.6;
        overflow-wrap: anywhere;
      }
      .absent {
        color: var(--m-danger);
        font-weight: 600;
      }
      .legend span {
        padding: 0 4px;
      }
      @media (max-width: 700px) {
        .sides {
          grid-template-columns: minmax(0, 1fr);
        }
      }
    `,
  ];

  protected override render() {
    const { training, adapter, image, prompt, ready } = this.#view.value;
    const { comparison, phase } = training;
    const busy = phase !== 'idle';
    return html`<div class="row">
        <button
          class="primary"
          data-once
          ?disabled=${busy || !ready || !image}
          @click=${() => void this.app.intents.compare()}
        >
          ${icon('play')} Compare before / after
        </button>
        <span class="muted about">
          ${
            !image
              ? 'Select an image first.'
              : adapter
                ? html`“<bdi>${prompt}</bdi>” about <bdi>${image.name}</bdi>, greedy decoding, reference vs. policy.`
                : 'There is no adapter yet: before and after will be the same.'
          }
        </span>
        <span class="legend small">
          <span style=${styleMap({ background: differenceTint(2, 0) })}>more likely after</span>
          <span style=${styleMap({ background: differenceTint(-2, 0) })}>less likely after</span>
        </span>
      </div>
      ${comparison ? this.renderSides(comparison) : nothing}`;
  }

  private renderSides(comparison: Comparison) {
    const image = this.#view.value.images.find(({ id }) => id === comparison.imageId);
    const truth = truthOf(image);
    const url = this.app.images.url(comparison.imageId);
    const side = (kind: 'before' | 'after', heading: string) => {
      const answer = comparison[kind];
      const absent = absentNouns(absentMentions(answer.text, truth, comparison.prompt));
      return html`<section aria-label=${heading}>
        <h3>${heading}</h3>
        <div class="answer" dir="auto">
          ${
            answer.policy.length > 0
              ? html`<margin-tokens
                  .tokens=${answer.policy}
                  .reference=${answer.reference}
                  .text=${answer.text}
                  .difference=${true}
                  .label=${`${heading}: what training changed`}
                ></margin-tokens>`
              : answer.text || '…'
          }
        </div>
        ${truth && absent.length > 0 ? html`<p class="absent small" title=${(image && verdictWords(image)) || nothing}>${icon('warning')} ${ABSENT_WORDS[truth.by]}: ${absent.join(', ')}</p>` : nothing}
      </section>`;
    };
    return html`<div class="sides">
        ${url ? html`<img src=${url} alt="" />` : html`<span></span>`} ${side('before', 'Before (reference)')}
        ${side('after', 'After (policy)')}
      </div>
      ${comparison.error ? html`<p role="alert">${comparison.error}</p>` : nothing}`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-train-compare': MarginTrainCompare;
  }
}
