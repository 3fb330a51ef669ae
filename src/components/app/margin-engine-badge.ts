import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { EngineFacts, EngineState, ModelFacts } from '../../engine/engine.ts';
import { icon } from '../shared/icons.ts';
import { base, buttons, panel } from '../shared/styles.ts';
import './margin-load-progress.ts';

/** Where a model's frozen towers run; ticked where WebGPU was compared with WASM and agreed. */
export function providerText({ provider, agreement }: ModelFacts): string {
  if (provider === 'wasm') return 'WASM';
  return agreement === undefined ? 'WebGPU' : 'WebGPU ✓';
}

/** Everything the badge knows in one sentence per line. */
export function badgeTitle({ device, models }: EngineFacts): string {
  const towers = models.map((model) => {
    const difference =
      model.agreement === undefined ? '' : `, largest relative difference to WASM ${model.agreement.toExponential(1)}`;
    return `${model.label}: towers on ${model.provider === 'wasm' ? 'WASM' : 'WebGPU'}${difference}${model.note ? `. ${model.note}` : ''}`;
  });
  const failed = device.selfCheck.filter(({ ok }) => !ok).map(({ name }) => name);
  return [
    `GPU: ${device.adapter}${device.isFallback ? ', a software adapter: slow, and no measure of speed' : ''}`,
    ...towers,
    ...(failed.length > 0 ? [`Fast paths switched off by the self-check: ${failed.join(', ')}`] : []),
  ].join('\n');
}

/**
 * What the engine runs on, in one line of the header; pressing it shows the details.
 *
 * @property engine - the engine's state
 * @fires open-engine - the person wants the details
 * @fires cancel-load - the person does not want to wait for the models
 * @fires stop-now - the person does not want to wait for the end of cancelled work
 */
@customElement('margin-engine-badge')
export class MarginEngineBadge extends LitElement {
  @property({ attribute: false }) engine: EngineState = { kind: 'idle' };

  static override styles = [
    base,
    buttons,
    panel,
    css`
      :host {
        min-width: 0;
        container-type: inline-size;
      }
      button {
        max-width: 100%;
        padding-inline: 6px;
      }
      .adapter {
        overflow: hidden;
        text-overflow: ellipsis;
      }
      /* A name cut to its first letters says less than none; the details have it in full. */
      @container (width < 360px) {
        .adapter {
          display: none;
        }
      }
      .chip {
        font-size: 12.5px;
      }
      .ok {
        color: var(--m-ok);
      }
      .bad {
        color: var(--m-danger);
      }
    `,
  ];

  protected override render() {
    const { engine } = this;
    if ((engine.kind === 'ready' || engine.kind === 'loading') && engine.stopping) return this.renderStopping();
    switch (engine.kind) {
      case 'idle':
        return nothing;
      case 'loading':
        return html`<margin-load-progress .progress=${engine.progress}></margin-load-progress>`;
      case 'restarting':
        return html`<span class="small" role="status">Restarting the engine: ${engine.reason}</span>`;
      case 'unavailable':
        return html`<span class="chip error">${icon('warning')} ${engine.error.name === 'NoWebGpuError' ? 'no WebGPU' : 'not running'}</span>`;
      case 'ready':
        return this.renderReady(engine.facts);
      default:
        return engine satisfies never;
    }
  }

  private renderStopping() {
    return html`<span class="small" role="status">Waiting for the current step to finish…</span>
      <button
        title="Restarts the engine. The step under way is lost; everything before it is kept."
        @click=${() => this.dispatchEvent(new CustomEvent('stop-now', { bubbles: true, composed: true }))}
      >
        Stop now
      </button>`;
  }

  private renderReady(facts: EngineFacts) {
    const { device, models } = facts;
    const healthy = device.selfCheck.every(({ ok }) => ok);
    return html`<button
      class="quiet"
      title=${badgeTitle(facts)}
      @click=${() => this.dispatchEvent(new CustomEvent('open-engine', { bubbles: true, composed: true }))}
    >
      <span class=${healthy ? 'ok' : 'bad'}>${icon(healthy ? 'check' : 'warning')}</span>
      <span class="adapter">${device.adapter || 'GPU'}</span>
      ${device.isFallback ? html`<span class="chip warning">software</span>` : nothing}
      ${models.map((model) => html`<span class="chip">${model.kind === 'vlm' ? 'VLM' : 'CLIP'} ${providerText(model)}</span>`)}
    </button>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-engine-badge': MarginEngineBadge;
  }
}
