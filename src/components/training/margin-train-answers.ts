import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { StepCompletion } from '../../engine/engine.ts';
import { ABSENT_WORDS, absentMentions } from '../../preference/truth.ts';
import type { App } from '../../state/app.ts';
import { Select } from '../../state/select.ts';
import type { PromptRecord } from '../../state/training/prompts.ts';
import { number } from '../shared/format.ts';
import { verdictWords } from '../shared/judged.ts';
import { shared } from '../shared/styles.ts';
import { FollowTraining } from './follow.ts';

const AUTHORS = { policy: '', reference: 'reference', mixture: 'mixture' } as const;

/**
 * What the newest step tried and what it earned: the answers sampled to one of its prompts, best first, with rewards and
 * the push that each one gives.
 *
 * @property app - the page's application object
 */
@customElement('margin-train-answers')
export class MarginTrainAnswers extends LitElement {
  @property({ attribute: false }) app!: App;
  #view = new Select(
    this,
    () => this.app?.store,
    ({ training }) => ({ run: training.runs.find(({ id }) => id === training.run) ?? training.runs.at(-1) }),
  );
  #follow = new FollowTraining(this, () => this.app);

  static override styles = [
    shared,
    css`
      :host {
        display: grid;
        grid-template-columns: 128px minmax(0, 1fr);
        gap: 6px 18px;
        align-content: start;
        min-height: 0;
        overflow: auto;
      }
      @media (max-width: 760px) {
        :host {
          grid-template-columns: minmax(0, 1fr);
        }
      }
      img {
        display: block;
        width: 128px;
        height: 128px;
        object-fit: contain;
      }
      figcaption {
        margin-top: 3px;
        font-size: 13.5px;
      }
      figure {
        margin: 0;
      }
      table {
        width: 100%;
        border-collapse: collapse;
        font-size: 15.5px;
        line-height: 1.35;
      }
      th {
        padding: 0 14px 3px 0;
        color: var(--m-muted);
        font-weight: 500;
        font-size: 13.5px;
        text-align: left;
        white-space: nowrap;
      }
      td {
        padding: 3px 14px 3px 0;
        border-top: 1px solid var(--m-line);
        vertical-align: baseline;
      }
      .number {
        text-align: right;
        white-space: nowrap;
        font-variant-numeric: tabular-nums;
      }
      .up {
        color: var(--m-chosen);
        font-weight: 600;
      }
      .down {
        color: var(--m-rejected);
        font-weight: 600;
      }
      mark {
        background: none;
        color: var(--m-danger);
        text-decoration: underline wavy;
        text-underline-offset: 3px;
      }
      .none {
        grid-column: 1 / -1;
        max-width: 70ch;
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    // What scrolls must be reachable by keyboard.
    this.tabIndex = 0;
    this.role = 'region';
    this.ariaLabel = 'Answers of the newest step';
  }

  protected override render() {
    const { run } = this.#view.value;
    const tried = run && this.#follow.training.tried(run.id);
    if (!tried) {
      return html`<p class="none muted">
        The next step shows here what it tried: all answers sampled to one of its prompts, and what each earned.
      </p>`;
    }
    const { prompt, answers } = tried;
    const url = this.app.images.url(prompt.imageId);
    const advantage = answers.some(({ signal }) => signal !== undefined && signal < 0);
    const sorted = [...answers].sort((a, b) => b.reward - a.reward);
    const equal = answers.every(({ reward }) => Math.abs(reward - answers[0].reward) < 1e-8);
    return html`<figure>
        ${url ? html`<img src=${url} alt="" />` : nothing}
        <figcaption dir="auto">${prompt.prompt}</figcaption>
      </figure>
      <div>
        <table>
          <thead>
            <tr>
              <th>what step ${this.#follow.training.log(run.id).step} tried</th>
              <th class="number">reward</th>
              <th class="number" title="How the loss transforms the reward">${advantage ? 'advantage' : 'judged by'}</th>
            </tr>
          </thead>
          <tbody>
            ${sorted.map((answer) => this.renderAnswer(answer, prompt))}
          </tbody>
        </table>
        ${equal ? html`<p class="muted">All of them earned the same, so this prompt taught nothing.</p>` : nothing}
      </div>`;
  }

  private verdictOn({ imageId }: PromptRecord): string {
    const image = this.app.store.state.images.find(({ id }) => id === imageId);
    return image ? verdictWords(image) : '';
  }

  private renderAnswer({ text, author, reward, signal }: StepCompletion, prompt: PromptRecord) {
    const tone = signal === undefined || signal === 0 ? '' : signal > 0 ? 'up' : 'down';
    const by = AUTHORS[author];
    return html`<tr>
      <td>
        ${text ? html`<span dir="auto">${marked(text, prompt, this.verdictOn(prompt))}</span>` : html`<em class="muted">nothing</em>`} ${by ? html`<span class="muted">(${by})</span>` : nothing}
      </td>
      <td class="number">${number(reward, 3)}</td>
      <td class="number ${tone}">${signal === undefined ? '–' : `${signal > 0 ? '+' : ''}${number(signal, 2)}`}</td>
    </tr>`;
  }
}

/** The text with every noun underlined that is not in the picture, where the picture's objects are known. */
function marked(text: string, { prompt, truth }: PromptRecord, verdict: string) {
  if (!truth) return text;
  const tip = [ABSENT_WORDS[truth.by], verdict].filter(Boolean).join('. ');
  const parts: unknown[] = [];
  let at = 0;
  for (const { start, end } of absentMentions(text, truth, prompt)) {
    parts.push(text.slice(at, start), html`<mark title=${tip}>${text.slice(start, end)}</mark>`);
    at = end;
  }
  return [...parts, text.slice(at)];
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-train-answers': MarginTrainAnswers;
  }
}
