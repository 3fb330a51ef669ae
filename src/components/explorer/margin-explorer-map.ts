import { html, LitElement, nothing, type PropertyValues, svg } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { App } from '../../state/app.ts';
import '../objective/margin-formula.ts';
import { linear, type Scale } from '../objective/plot.ts';
import { FollowPointed, pointersOf } from '../shared/pointed.ts';
import { shared } from '../shared/styles.ts';
import { FollowTraining } from '../training/follow.ts';
import { explorerStyles } from './line-styles.ts';
import { mapStyles } from './map-looks.ts';
import {
  arrowPath,
  type MapDot,
  renderAxes,
  renderContours,
  renderDots,
  renderNames,
  renderPaths,
} from './map-marks.ts';
import { type MapPicture, mapPicture } from './map-picture.ts';
import './margin-field.ts';
import { cell } from './margin-lines.ts';
import './margin-map-table.ts';
import { MapOnGpu } from './map-on-gpu.ts';
import { pathOf } from './paths.ts';
import { given, landscapeIn, peculiarity, type View } from './view.ts';

const LEFT = 56;
const TOP = 8;
const RIGHT = 10;
const BOTTOM = 28;
const REACH = 16;
const RANGES = [0, -1, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];

/**
 * The loss over the two answers of a pair: colours and contour lines, arrows where a step pushes, every pair as a dot
 * with the path it took during the present run. Arrow keys move a cross whose values stand beside the map.
 *
 * @property app - the page's application object
 * @property view - objective, pairs, and the pair whose other numbers the map has
 */
@customElement('margin-explorer-map')
export class MarginExplorerMap extends LitElement {
  @property({ attribute: false }) app!: App;
  @property({ attribute: false }) view!: View;
  @state() private side = 420;
  @state() private cross: readonly [number, number] | null = null;
  @state() private range = 0;
  #picture!: MapPicture;
  #dots: MapDot[] = [];
  #pointed = new FollowPointed(this, () => this.app && pointersOf(this.app).pair);
  #training = new FollowTraining(this, () => this.app);
  #gpu = new MapOnGpu(this, () => this.app);
  #resize = new ResizeObserver(([entry]) => {
    this.side = Math.max(260, Math.floor(Math.min(entry.contentRect.width, entry.contentRect.height)));
  });

  static override styles = [shared, explorerStyles, mapStyles];

  protected override firstUpdated(): void {
    this.#resize.observe(this.renderRoot.querySelector('.frame')!);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resize.disconnect();
  }

  protected override willUpdate(changed: PropertyValues): void {
    const still = [...changed.keys()].every((key) => key === 'cross' || key === 'side');
    if (this.#picture && changed.size > 0 && still) return;
    const landscape = landscapeIn(this.view);
    const { run } = this.app.store.state.training;
    const tracks = run ? this.#training.training.tracks(run) : undefined;
    this.#dots = this.view.pairs.map(({ id, inputs }) => {
      const [x, y] = landscape.plane.of(inputs);
      return { id, x, y, path: pathOf(tracks?.of(id) ?? [], inputs, landscape.plane) };
    });
    const places = this.#dots.flatMap(({ x, y, path }) => [[x, y] as const, ...path]);
    this.#picture = mapPicture(landscape, this.view.like, places, this.range);
  }

  protected override render() {
    const picture = this.#gpu.over(this.#picture);
    const { plane } = picture.landscape;
    const [x, y] = this.#scales();
    const inner = this.#inner;
    const shown = this.view.likeId;
    const { label } = this.view.every.loss;
    return html`<div class="bar">
        <label
          >Reach
          <select @change=${(event: Event) => {
            this.range = Number((event.target as HTMLSelectElement).value);
          }}>
            ${RANGES.map((each) => html`<option value=${each} ?selected=${each === this.range}>${each === 0 ? 'all pairs' : each < 0 ? 'whole shape' : each}</option>`)}
          </select></label
        >
        <span class="small muted">across <margin-formula .tex=${plane.x.tex}></margin-formula>, up <margin-formula .tex=${plane.y.tex}></margin-formula></span>
      </div>
      <div class="frame">
        <div class="square" style=${`width:${this.side}px;height:${this.side}px`}>
          <margin-field
            style=${`left:${LEFT}px;top:${TOP}px;width:${inner}px;height:${inner}px`}
            .grid=${picture.grid}
            .levels=${picture.levels}
            .range=${picture.range}
          ></margin-field>
          <svg
            class="over"
            viewBox="0 0 ${this.side} ${this.side}"
            tabindex="0"
            role="group"
            aria-label=${`${label}: map of the loss over ${plane.x.words}, and ${plane.y.words}; ${this.#dots.length} pairs. Arrow keys move the cross; its values stand beside the map.`}
            @pointermove=${this.onMove}
            @pointerleave=${() => this.point(null)}
            @click=${this.onClick}
            @keydown=${this.onKey}
          >
            ${renderContours(picture, x, y)} ${renderAxes(picture, x, y)}
            ${this.renderArrows(picture, x, y, inner / 13)} ${renderNames(picture, x, y)}
            ${renderPaths(this.#dots, shown, x, y)} ${renderDots(this.#dots, shown, this.#pointed.id, x, y)}
            ${
              this.cross
                ? svg`<g class="cross" aria-hidden="true">
                    <line x1=${x(this.cross[0])} x2=${x(this.cross[0])} y1=${y(y.domain[0])} y2=${y(y.domain[1])}></line>
                    <line y1=${y(this.cross[1])} y2=${y(this.cross[1])} x1=${x(x.domain[0])} x2=${x(x.domain[1])}></line>
                  </g>`
                : nothing
            }
          </svg>
        </div>
      </div>
      <aside>
        <margin-map-table .view=${this.view} .picture=${picture} .cross=${this.cross} .pointed=${this.#pointed.id}></margin-map-table>
      </aside>
      <p class="caption">${this.words(picture)}</p>`;
  }

  /** Twice: a pale border holds them apart from whatever colour is below. */
  private renderArrows({ field }: MapPicture, x: Scale, y: Scale, reach: number) {
    const path = arrowPath(field.arrows, x, y, reach);
    return svg`<path class="arrows under" aria-hidden="true" d=${path}></path><path class="arrows" aria-hidden="true" d=${path}></path>`;
  }

  /** Side of the map itself, in pixels: as long across as up, so that right angles are right angles. */
  get #inner(): number {
    return this.side - Math.max(LEFT + RIGHT, TOP + BOTTOM);
  }

  #scales(): [Scale, Scale] {
    const { domain } = this.#picture;
    return [linear(domain, LEFT, LEFT + this.#inner), linear(domain, TOP + this.#inner, TOP)];
  }

  private words({ landscape, field, grid }: MapPicture): string {
    const { every, plane, exact } = landscape;
    const walked = this.#dots.filter(({ path }) => path.length > 2).length;
    return [
      `Arrows: where a gradient step pushes a pair; lengths go by the square root, the longest is ${cell(field.longest)} per unit of the axes.`,
      exact ? '' : `The loss needs more than these two numbers. ${given(this.view)} Other dots may have other losses.`,
      peculiarity(every),
      grid.values.some(Number.isNaN) ? 'Hatched: the loss has no value there.' : '',
      plane.id === 'mean logps' || plane.id === 'logps'
        ? 'This loss sees no reference: the axes are the policy’s own log-probabilities.'
        : '',
      walked > 0 ? `Lines behind the dots: ${walked === 1 ? 'its path' : 'their paths'} during the present run.` : '',
      this.#gpu.covers(this.#picture) ? 'Field computed by the WGSL kernel.' : '',
    ]
      .filter(Boolean)
      .join(' ');
  }

  private placeOf(event: MouseEvent): [number, number] {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top].map(
      (value, i) => (value / (i ? box.height : box.width)) * this.side,
    );
    return [px, py];
  }

  private nearest([px, py]: readonly [number, number]): string | null {
    const [x, y] = this.#scales();
    const hits = this.#dots
      .map((dot) => ({ id: dot.id, distance: Math.hypot(x(dot.x) - px, y(dot.y) - py) }))
      .filter(({ distance }) => distance < REACH);
    return (
      hits.reduce<(typeof hits)[number] | null>(
        (best, hit) => (best && best.distance <= hit.distance ? best : hit),
        null,
      )?.id ?? null
    );
  }

  private onMove(event: PointerEvent): void {
    const [px, py] = this.placeOf(event);
    const [x, y] = this.#scales();
    const [min, max] = this.#picture.domain;
    const at = (pixel: number, scale: Scale) => min + ((pixel - scale(min)) / (scale(max) - scale(min))) * (max - min);
    this.setCross(at(px, x), at(py, y));
    this.point(this.nearest([px, py]));
  }

  private onClick(event: MouseEvent): void {
    const id = this.nearest(this.placeOf(event));
    if (id) this.dispatchEvent(new CustomEvent('select-pair', { detail: id, bubbles: true, composed: true }));
  }

  private onKey(event: KeyboardEvent): void {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
    if (!move) return;
    event.preventDefault();
    const [min, max] = this.#picture.domain;
    const { plane } = this.#picture.landscape;
    const [cx, cy] = this.cross ?? plane.of(this.view.like);
    const step = ((max - min) / 48) * (event.shiftKey ? 4 : 1);
    this.setCross(cx + move[0] * step, cy + move[1] * step);
  }

  private setCross(px: number, py: number): void {
    const [min, max] = this.#picture.domain;
    const hold = (value: number) => Math.min(max, Math.max(min, value));
    this.cross = [hold(px), hold(py)];
  }

  private point(id: string | null): void {
    if (id !== this.#pointed.id)
      this.dispatchEvent(new CustomEvent('point-pair', { detail: id, bubbles: true, composed: true }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'margin-explorer-map': MarginExplorerMap;
  }
}
