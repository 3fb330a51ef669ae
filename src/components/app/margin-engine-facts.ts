import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { EngineFacts, MemoryReport } from '../../engine/engine.ts';
import type { App } from '../../state/app.ts';
import { Select } from '../../state/select.ts';
import { bytes } from '../shared/format.ts';
import { shared } from '../shared/styles.ts';
import { providerText } from './margin-engine-badge.ts';

/**
 * The engine in detail: device, features, start-up checks, models, memory, and a way to try the recovery from a lost
 * device.
 *
 * @property app - the page's application object
 */
@customElement('margin-engine-facts')
export class MarginEngineFacts extends LitElement {
  @property({ attribute: false }) app!: App;
  @state() private memory: MemoryReport | null = null;
  #engine = new Select(
    this,
    () => this.app?.store,
    (state) => state.engine,
  );

  static override styles = [
    shared,
    css`
      :host {
        padding: 14px 20px 20px;
        min-width: min(620px, 86vw);
      }
      h3 {
        margin: 14px 0 2px;
      }
      h3:first-child {
        margin-top: 0;
      }
      table {
        border-collapse: collapse;
      }
      td,
      th {
        padding: 2px 18px 2px 0;
        text-align: left;
        font-weight: normal;
        vertical-align: top;
      }
      th {
        color: var(--m-muted);
      }
      .row {
        margin-top: 16px;
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    void this.measure();
  }

  private async measure(): Promise<void> {
    this.memory = await this.app.engine.memory().catch(() => null);
  }

  protected override render() {
    const engine = this.#engine.value;
    if (engine.kind !== 'ready') return html`<p role="status">The engine is not running now.</p>`;
    return html`${this.renderDevice(engine.facts)} ${this.renderModels(engine.facts)}
      <div class="row">
        <button @click=${() => this.measure()}>Measure memory again</button>
        <button class="danger" @click=${this.loseDevice}>Lose the device on purpose</button>
        <span class="muted small">The page restarts the engine; images, answers and pairs stay.</span>
      </div>`;
  }

  private renderDevice({ device, loadMs }: EngineFacts) {
    return html`<h3>Device</h3>
      <table>
        <tr><th scope="row">adapter</th><td>${device.adapter}${device.isFallback ? ' (software: no measure of speed)' : ''}</td></tr>
        <tr><th scope="row">features</th><td>${device.features.join(', ') || 'none'}</td></tr>
        ${device.selfCheck.map(
          ({ name, ok, maxError }) =>
            html`<tr>
              <th scope="row">check: ${name}</th>
              <td>${ok ? 'agrees' : 'disagrees, switched off'}, largest error ${maxError.toExponential(1)}</td>
            </tr>`,
        )}
        <tr><th scope="row">started in</th><td>${(loadMs / 1000).toFixed(1)} s</td></tr>
        ${
          this.memory
            ? html`<tr><th scope="row">GPU memory</th><td>${bytes(this.memory.liveBytes)} in use, ${bytes(this.memory.peakBytes)} at most</td></tr>`
            : nothing
        }
      </table>`;
  }

  private renderModels({ models }: EngineFacts) {
    return html`<h3>Models</h3>
      <table>
        ${models.map(
          (model) =>
            html`<tr>
              <th scope="row">${model.label}</th>
              <td>
                ${bytes(model.bytes)}, ${model.licence}. Frozen towers: ${providerText(model)}${
                  model.agreement === undefined
                    ? ''
                    : `, largest relative difference ${model.agreement.toExponential(1)}`
                }.
                ${model.note ?? ''}
              </td>
            </tr>`,
        )}
      </table>`;
  }

  private async loseDevice(): Promise<void> {
    await this.app.engine.destroyDevice().catch((error: unknown) => {
      this.app.intents.notify('error', error instanceof Error ? error.message : String(error));
    });
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-engine-facts': MarginEngineFacts;
  }
}
