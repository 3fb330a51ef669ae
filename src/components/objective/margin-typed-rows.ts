import { css, html, LitElement } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { PairRow } from '../../engine/engine.ts';
import { CURVE_PAIR } from '../../kernels/losses/curves.ts';
import { INPUTS, type InputName } from '../../kernels/losses/inputs.ts';
import type { Objective } from '../../kernels/losses/objective.ts';
import { icon } from '../shared/icons.ts';
import { base, buttons, fields } from '../shared/styles.ts';

/** Short names, TRL's where it has them; the part after the space goes on a second line. */
const NAMES: Partial<Record<InputName, string>> = {
  chosen: 'logps/ chosen',
  rejected: 'logps/ rejected',
  refChosen: 'ref_logps/ chosen',
  refRejected: 'ref_logps/ rejected',
  chosenLength: 'tokens chosen',
  rejectedLength: 'tokens rejected',
};

/** Words that may wrap: "win prob chosen". */
const heading = (name: InputName): string => NAMES[name] ?? name.replace(/([A-Z]|\d+)/g, ' $1').toLowerCase();

/** "ref_logps/chosen", as the field is called. */
const fieldName = (name: InputName): string => heading(name).replace('/ ', '/');

/** The example pair the table begins with. */
export function exampleRow(): PairRow {
  const known = Object.keys(INPUTS).filter((name) => Number.isFinite(CURVE_PAIR[name as InputName]));
  return Object.fromEntries(known.map((name) => [name, CURVE_PAIR[name as InputName]])) as unknown as PairRow;
}

/**
 * A small table of log-probabilities: one line per pair, one column per number the objective needs.
 *
 * @property rows - what was typed so far
 * @property objective - decides which numbers are asked for
 * @fires rows-change - detail: the new rows
 */
@customElement('margin-typed-rows')
export class MarginTypedRows extends LitElement {
  @property({ attribute: false }) rows: readonly PairRow[] = [];
  @property({ attribute: false }) objective!: Objective;

  static override styles = [
    base,
    buttons,
    fields,
    css`
      .scroll {
        overflow-x: auto;
      }
      table {
        border-collapse: collapse;
        font-size: var(--m-size-small);
      }
      th,
      td {
        padding: 1px 3px 1px 0;
        font-weight: normal;
        text-align: left;
        vertical-align: bottom;
      }
      thead th {
        max-width: 62px;
        color: var(--m-muted);
        font-size: 11.5px;
        line-height: 1.2;
      }
      tbody th {
        vertical-align: middle;
      }
      input[type='number'] {
        width: 59px;
        min-height: 26px;
        padding: 1px 5px;
        font-size: var(--m-size-small);
        appearance: textfield;
      }
      button {
        min-height: 26px;
      }
      button.icon {
        min-width: 24px;
        padding: 0 3px;
      }
    `,
  ];

  protected override render() {
    const names = (Object.keys(INPUTS) as InputName[]).filter((name) => this.objective.needs.includes(name));
    return html`<div class="scroll">
        <table>
          <caption class="visually-hidden">
            Typed-in log-probabilities, in nats
          </caption>
          <thead>
            <tr>
              <td></td>
              ${names.map((name) => html`<th scope="col" title=${INPUTS[name]}>${heading(name)}</th>`)}
              <td></td>
            </tr>
          </thead>
          <tbody>
            ${this.rows.map(
              (row, i) => html`<tr>
                <th scope="row"><span class="visually-hidden">Pair</span> ${i + 1}</th>
                ${names.map(
                  (name) => html`<td>
                    <input
                      type="number"
                      step="any"
                      aria-label=${`${fieldName(name)}, pair ${i + 1}`}
                      .value=${row[name] === undefined ? '' : String(row[name])}
                      @input=${(event: Event) => this.set(i, name, (event.target as HTMLInputElement).valueAsNumber)}
                    />
                  </td>`,
                )}
                <td>
                  <button
                    class="quiet icon"
                    aria-label=${`Remove typed pair ${i + 1}`}
                    @click=${() => this.change(this.rows.toSpliced(i, 1))}
                  >
                    ${icon('close')}
                  </button>
                </td>
              </tr>`,
            )}
          </tbody>
        </table>
      </div>
      <button @click=${() => this.change([...this.rows, { ...(this.rows.at(-1) ?? exampleRow()) }])}>${icon('plus')} Pair</button>`;
  }

  /** An emptied field is a missing number, and the objective says so if it needs it. */
  private set(i: number, name: InputName, value: number): void {
    const { [name]: _, ...others } = this.rows[i];
    const row = (Number.isNaN(value) ? others : { ...others, [name]: value }) as PairRow;
    this.change(this.rows.with(i, row));
  }

  private change(rows: readonly PairRow[]): void {
    this.dispatchEvent(new CustomEvent('rows-change', { detail: rows }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-typed-rows': MarginTypedRows;
  }
}
