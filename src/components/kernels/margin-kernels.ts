import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { KernelReport } from '../../engine/engine.ts';
import type { App } from '../../state/app.ts';
import { count } from '../shared/format.ts';
import { icon } from '../shared/icons.ts';
import { shared } from '../shared/styles.ts';
import './margin-wgsl.ts';

/** "[4, 49280] f32" style; a dash before the first dispatch. */
function shapeText(shape: readonly number[] | undefined): string {
  return shape ? `[${shape.join(', ')}]` : '–';
}

/** The files of the kernel itself before the helpers it shares with others; WGSL does not mind the order. */
function ownFirst(files: KernelReport['files']): KernelReport['files'] {
  const helper = ({ path }: { path: string }) => Number(path.includes('/shared/'));
  return [...files].sort((a, b) => helper(a) - helper(b));
}

/** Microseconds with the unit people read: µs below a millisecond, ms above. */
export function durationText(microseconds: number | undefined): string {
  if (microseconds === undefined) return 'not measured';
  return microseconds < 1000 ? `${microseconds.toFixed(0)} µs` : `${(microseconds / 1000).toFixed(2)} ms`;
}

/**
 * The kernel viewer: every kernel's WGSL beside the shapes, bindings and time of its last dispatch.
 *
 * @property app - the page's application object
 */
@customElement('margin-kernels')
export class MarginKernels extends LitElement {
  @property({ attribute: false }) app!: App;
  @state() private reports: readonly KernelReport[] | null = null;
  @state() private error = '';
  @state() private selected = '';
  @state() private filter = '';

  static override styles = [
    shared,
    css`
      :host {
        height: 100%;
      }
      .layout {
        display: grid;
        grid-template-columns: 320px minmax(0, 1fr);
        height: 100%;
        min-height: 0;
      }
      nav {
        display: flex;
        flex-direction: column;
        min-height: 0;
        border-right: 1px solid var(--m-line);
      }
      .tools {
        display: flex;
        gap: 6px;
        padding: 10px;
      }
      ul {
        flex: 1;
        min-height: 0;
        margin: 0;
        padding: 0 6px 10px;
        overflow: auto;
        list-style: none;
      }
      li button {
        width: 100%;
        justify-content: space-between;
        border-color: transparent;
        background: transparent;
        text-align: left;
      }
      li button[aria-current='true'] {
        background: var(--m-surface-2);
        border-color: var(--m-line-strong);
        font-weight: 600;
      }
      li.idle {
        margin-top: 6px;
        padding-top: 6px;
        border-top: 1px solid var(--m-line);
      }
      li span:first-child {
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .detail {
        min-width: 0;
        overflow: auto;
      }
      .facts {
        padding: 12px 16px;
        border-bottom: 1px solid var(--m-line);
        background: var(--m-surface-2);
      }
      h3 {
        font-size: var(--m-size-large);
        font-family: var(--m-font-mono);
      }
      table {
        margin-top: 8px;
        border-collapse: collapse;
        font-size: 14px;
      }
      th,
      td {
        padding: 2px 20px 2px 0;
        text-align: left;
        font-weight: normal;
        vertical-align: top;
      }
      th[scope='col'] {
        color: var(--m-muted);
        font-size: var(--m-size-small);
      }
      .message {
        padding: 24px;
      }
      @media (max-width: 760px) {
        .layout {
          grid-template-columns: 1fr;
          grid-template-rows: 180px minmax(0, 1fr);
        }
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    void this.refresh();
  }

  /** Asks the engine again: times and shapes are those of the last dispatch. */
  private async refresh(): Promise<void> {
    try {
      const reports = await this.app.engine.kernels();
      // What ran is what the numbers came from, so it stands first.
      this.reports = [...reports].sort(
        (a, b) => Number(b.runs > 0) - Number(a.runs > 0) || a.name.localeCompare(b.name),
      );
      this.error = '';
      if (!this.reports.some(({ name }) => name === this.selected)) this.selected = this.reports[0]?.name ?? '';
    } catch (error) {
      this.error = error instanceof Error ? error.message : String(error);
    }
  }

  protected override render() {
    if (this.error) {
      return html`<div class="message">
        <p role="alert">The kernels cannot be listed. ${this.error}</p>
        <p class="row"><button @click=${() => this.refresh()}>Ask again</button></p>
      </div>`;
    }
    if (!this.reports) return html`<p class="message muted" role="status">Asking the engine…</p>`;
    const shown = this.reports.filter(({ name }) => name.includes(this.filter.trim().toLowerCase()));
    const report = this.reports.find(({ name }) => name === this.selected);
    return html`<div class="layout">
      <nav aria-label="Kernels">
        <div class="tools">
          <input
            type="search"
            aria-label="Filter kernels"
            placeholder=${count(this.reports.length, 'kernel')}
            .value=${this.filter}
            @input=${(event: Event) => {
              this.filter = (event.target as HTMLInputElement).value;
            }}
          />
          <button class="icon" aria-label="Refresh shapes and times" title="Refresh shapes and times" @click=${() => this.refresh()}>
            ${icon('reset')}
          </button>
        </div>
        <ul>
          ${shown.map(
            ({ name, runs }, i) =>
              html`<li class=${runs === 0 && shown[i - 1]?.runs > 0 ? 'idle' : ''}>
                <button
                  aria-current=${name === this.selected}
                  @click=${() => {
                    this.selected = name;
                  }}
                >
                  <span class="mono">${name}</span>
                  <span class="muted small">${runs > 0 ? `${runs} ×` : ''}</span>
                </button>
              </li>`,
          )}
        </ul>
      </nav>
      <div class="detail" tabindex="0" role="region" aria-label="Kernel">${report ? this.renderReport(report) : nothing}</div>
    </div>`;
  }

  private renderReport(report: KernelReport) {
    const { last } = report;
    return html`<div class="facts">
        <h3>${report.name}</h3>
        <p class="row small">
          <span><span class="muted">last measured</span> ${durationText(report.lastMicroseconds)}</span>
          <span><span class="muted">dispatches</span> ${report.runs}</span>
          <span><span class="muted">workgroups</span> ${last ? last.workgroups.join(' × ') : '–'}</span>
        </p>
        <table>
          <thead>
            <tr>
              <th scope="col">binding</th>
              <th scope="col">access</th>
              <th scope="col">type</th>
              <th scope="col">declared</th>
              <th scope="col">last shape</th>
            </tr>
          </thead>
          <tbody>
            ${report.bindings.map(
              ({ name, access, dtype, dims }) =>
                html`<tr>
                  <th scope="row" class="mono">${name}</th>
                  <td>${access}</td>
                  <td class="mono">${dtype}</td>
                  <td class="mono">${dims}</td>
                  <td class="mono number">${shapeText(last?.shapes[name])}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
      ${ownFirst(report.files).map(({ path, code }) => html`<margin-wgsl .path=${path} .code=${code}></margin-wgsl>`)}`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-kernels': MarginKernels;
  }
}
