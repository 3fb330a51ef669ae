import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { World } from '../../engine/engine.ts';
import { examinationFor } from '../../preference/examinations.ts';
import type { App } from '../../state/app.ts';
import { Select } from '../../state/select.ts';
import type { HeldOutPoint, RunRecord } from '../../state/state.ts';
import { worldOf } from '../../state/training/examiner.ts';
import { worldLoaded } from '../../state/worlds.ts';
import { percent } from '../shared/format.ts';
import { shared } from '../shared/styles.ts';
import './margin-chart.ts';
import type { ChartLine } from './margin-chart.ts';
import { legendStyles, namesById, renderRunLegend } from './run-legend.ts';

/** Lines of POPE's three ways to choose what is asked about. */
const POPE = [
  { setting: 'random', label: 'rnd', dashes: undefined },
  { setting: 'popular', label: 'pop', dashes: '7 4' },
  { setting: 'adversarial', label: 'adv', dashes: '2 4' },
] as const;

const BY_DETECTOR =
  'What is there is what the detector sees; what it is not sure of counts neither way, and it has error rates of its own.';

/** "1 scene", "14 photographs". */
function pictures(n: number, world: World): string {
  const { one, many } = examinationFor(world);
  return `${n} ${n === 1 ? one : many}`;
}

/** Of which world the newest examination of a run tells; undefined before there is one. */
function worldOfRun(run: RunRecord | undefined): World | undefined {
  const last = run?.heldOut.at(-1);
  return last && worldOf(last);
}

/** Points whose questions are those of the newest one. */
function comparablePope({ heldOut }: RunRecord) {
  const { scenes } = heldOut.at(-1)?.pope ?? {};
  return heldOut.flatMap((point) =>
    point.pope && point.pope.scenes === scenes ? [{ step: point.step, pope: point.pope }] : [],
  );
}

/**
 * Hallucination in pictures the model never saw: before, during and after training, for every run.
 *
 * @property app - the page's application object
 */
@customElement('margin-train-held-out')
export class MarginTrainHeldOut extends LitElement {
  @property({ attribute: false }) app!: App;
  #view = new Select(
    this,
    () => this.app?.store,
    ({ training, engine }) => ({ training, ready: engine.kind === 'ready', loaded: worldLoaded(engine) }),
  );

  static override styles = [
    shared,
    legendStyles,
    css`
      :host {
        display: grid;
        grid-template-columns: repeat(3, minmax(140px, 200px)) minmax(0, 1fr);
        gap: 6px 20px;
        min-height: 0;
      }
      @media (max-width: 760px) {
        :host {
          grid-template-columns: minmax(0, 1fr);
        }
      }
      .words {
        min-height: 0;
        overflow: auto;
        font-size: 14.5px;
      }
      .big {
        font-size: 17px;
        line-height: 1.35;
        font-weight: 650;
      }
      .words button {
        margin-top: 6px;
      }
    `,
  ];

  protected override render() {
    const { training, ready, loaded = 'toybox' } = this.#view.value;
    const present = training.runs.find(({ id }) => id === training.run) ?? training.runs.at(-1);
    const world = worldOfRun(present) ?? loaded;
    // Numbers on scenes say nothing beside numbers on photographs.
    const examined = training.runs.filter((run) => worldOfRun(run) === world);
    const names = namesById(training.runs);
    const lines = (key: 'chairI' | 'cover'): ChartLine[] =>
      examined.map((run) => ({
        name: key,
        tone: 'plain',
        xs: run.heldOut.map(({ step }) => step),
        ys: run.heldOut.map((point) => 100 * point[key]),
        run: run.ordinal,
        runName: names.get(run.id),
        present: run === present,
      }));
    const points = present?.heldOut ?? [];
    const can = ready && training.phase === 'idle' && training.run !== null && (present?.step ?? 0) > 0;
    return html`<margin-chart heading="CHAIR-i, %" .lines=${lines('chairI')} zero .most=${100} .digits=${1}></margin-chart>
      <margin-chart heading="cover, %" .lines=${lines('cover')} zero .most=${100} .digits=${1}></margin-chart>
      ${present && comparablePope(present).length > 0 ? this.renderPopeChart(present) : nothing}
      <div class="words" role="region" aria-label=${`What held-out ${examinationFor(world).many} say`} tabindex="0">
        ${points.length > 1 ? this.renderOutcome(points[0], points.at(-1)!, present?.from) : nothing}
        ${points.length === 1 ? this.renderBefore(points[0], present?.from) : nothing}
        ${points.length < 2 ? this.renderExplanation(world) : nothing}
        ${renderRunLegend(examined, names, present)}
        <button ?disabled=${!can} @click=${() => void this.app.intents.examine()}>Examine now</button>
      </div>`;
  }

  private renderPopeChart(run: RunRecord) {
    const points = comparablePope(run);
    const lines = POPE.map(
      ({ setting, label, dashes }): ChartLine => ({
        name: setting,
        tone: 'plain',
        label,
        dashes,
        xs: points.map(({ step }) => step),
        ys: points.map(({ pope }) => 100 * pope[setting]),
        run: run.ordinal,
        present: true,
      }),
    );
    return html`<margin-chart heading="POPE accuracy, %" .lines=${lines} .most=${100} .digits=${0}></margin-chart>`;
  }

  private renderPope({ pope: before }: HeldOutPoint, { pope: after, world = 'toybox' }: HeldOutPoint) {
    if (!before || !after) return nothing;
    const rates = POPE.map(
      ({ setting }) => html`${setting} ${percent(before[setting])} → <strong>${percent(after[setting])}</strong>`,
    );
    return html`<p title="Yes / no questions about objects that are there and as many about objects that are not, chosen in three ways">
      POPE accuracy: ${rates[0]}, ${rates[1]}, ${rates[2]}
      <span class="muted">(questions about ${pictures(after.scenes, world)})</span>
    </p>`;
  }

  private renderBefore({ chairI, cover, scenes, world = 'toybox' }: HeldOutPoint, from: RunRecord['from']) {
    return html`<p class="big">
      ${from ? 'Without an adapter' : 'Before training'}: ${percent(chairI)} of the mentioned objects are hallucinated, ${percent(cover)} of the objects are covered
      (${pictures(scenes, world)}).
    </p>`;
  }

  /** @param from where a run starts from an imported adapter, the reference is not what it started from. */
  private renderOutcome(before: HeldOutPoint, after: HeldOutPoint, from: RunRecord['from']) {
    const world = worldOf(after);
    const { one, many } = examinationFor(world);
    return html`<p class="big">
        Hallucinated mentions: ${percent(before.chairI)} → ${percent(after.chairI)}. Objects covered:
        ${percent(before.cover)} → ${percent(after.cover)}.
      </p>
      ${this.renderPope(before, after)}
      <p class="muted">
        Greedy descriptions of ${pictures(after.scenes, world)} that neither the model nor the pairs know, ${from ? 'without an adapter' : 'before'} and at step ${after.step}.
        ${after.scenes < 100 ? `With ${after.scenes} ${many} a few mentions move the rate by points.` : nothing}
        ${world === 'photographs' ? BY_DETECTOR : nothing}
      </p>
      <p>First ${one}: “<bdi>${before.example.trim()}</bdi>” → “<bdi>${after.example.trim()}</bdi>”</p>`;
  }

  private renderExplanation(world: World) {
    return html`<p class="muted">
      Before the first step, after the last one, and every few steps if you like (see Settings), reference and policy describe ${world === 'toybox' ? 'Toybox scenes' : 'photographs'} that nobody trained
      on, and answer yes / no questions about them. CHAIR-i is the share of mentioned objects that are not there; cover the share of
      objects there that are mentioned; POPE the share of questions answered rightly. ${world === 'photographs' ? BY_DETECTOR : nothing}
    </p>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-train-held-out': MarginTrainHeldOut;
  }
}
