/** What lies over the colours of the map, as SVG: contours with their levels, arrows, axes, paths and dots. */
import { nothing, svg } from 'lit';
import { type Scale, ticks, tickText } from '../objective/plot.ts';
import type { Arrow } from './arrows.ts';
import type { Line } from './contours.ts';
import type { MapPicture } from './map-picture.ts';
import type { Path } from './paths.ts';

export interface MapDot {
  readonly id: string;
  readonly x: number;
  readonly y: number;
  readonly path: Path;
}

/** More paths than this hide the map. */
const MOST_PATHS = 150;
/** Shorter contours than this, in pixels, have no room for a number. */
const ROOM_FOR_LEVEL = 70;

const pathOf = (line: Line | Path, x: Scale, y: Scale): string =>
  line.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${x(px).toFixed(1)},${y(py).toFixed(1)}`).join('');

/** Pixels of a line, roughly. */
const lengthOf = (line: Line, x: Scale, y: Scale): number =>
  line.reduce(
    (sum, [px, py], i) => (i === 0 ? 0 : sum + Math.hypot(x(px) - x(line[i - 1][0]), y(py) - y(line[i - 1][1]))),
    0,
  );

export function renderContours({ contours }: MapPicture, x: Scale, y: Scale) {
  const path = contours.flatMap(({ lines }) => lines.map((line) => pathOf(line, x, y))).join('');
  return svg`<path class="contour" aria-hidden="true" d=${path}></path>`;
}

/** Levels of the contours, and the corner every lecture comes to. They stand over the arrows. */
export function renderNames({ contours, landscape, domain }: MapPicture, x: Scale, y: Scale) {
  const long = contours
    .flatMap(({ level, lines }) => lines.map((line) => ({ level, line })))
    .filter(({ line }) => lengthOf(line, x, y) > ROOM_FOR_LEVEL);
  return svg`<g aria-hidden="true">
    ${long.map(({ level, line }, i) => {
      // Numbers of neighbouring lines stand at different places, or they would form a wall.
      const [px, py] = line[Math.floor(line.length * (i % 2 === 0 ? 0.35 : 0.65))];
      return svg`<text class="level" x=${x(px)} y=${y(py) + 4} text-anchor="middle">${Number(level.toPrecision(2))}</text>`;
    })}
    ${landscape.plane.id.endsWith('log-ratios') ? renderDisplacement(x, y, domain) : nothing}
  </g>`;
}

/** Where the margin grows, and yet the chosen answer gets less likely. */
function renderDisplacement(x: Scale, y: Scale, [min, max]: readonly [number, number]) {
  const [left, low] = [x(min + 0.36 * (max - min)), y(min) - 14];
  return svg`<text class="place" text-anchor="middle" x=${left} y=${low - 19}>both fall,</text>
    <text class="place" text-anchor="middle" x=${left} y=${low}>margin grows</text>`;
}

/** One path for all arrows. `reach` is the length of the longest, in pixels. */
export function arrowPath(arrows: readonly Arrow[], x: Scale, y: Scale, reach: number): string {
  return arrows
    .map(({ x: px, y: py, dx, dy }) => {
      const [fx, fy] = [x(px), y(py)];
      const [tx, ty] = [fx + dx * reach, fy - dy * reach];
      const long = Math.hypot(tx - fx, ty - fy);
      const [ux, uy] = [(tx - fx) / (long || 1), (ty - fy) / (long || 1)];
      const head = Math.min(7, Math.max(3, long / 2.2));
      const wing = (side: number) =>
        `M${tx.toFixed(1)},${ty.toFixed(1)}l${(-ux * head - side * uy * head * 0.6).toFixed(1)},${(-uy * head + side * ux * head * 0.6).toFixed(1)}`;
      return `M${fx.toFixed(1)},${fy.toFixed(1)}L${tx.toFixed(1)},${ty.toFixed(1)}${wing(1)}${wing(-1)}`;
    })
    .join('');
}

export function renderAxes({ domain, landscape }: MapPicture, x: Scale, y: Scale) {
  const [left, right, bottom, top] = [x(domain[0]), x(domain[1]), y(domain[0]), y(domain[1])];
  const marks = ticks(domain[0], domain[1], Math.max(4, Math.round((right - left) / 90)));
  const step = marks[1] - marks[0];
  const even = landscape.plane.id !== 'image';
  return svg`<g aria-hidden="true">
    ${marks.map(
      (value) => svg`<line class="zero" x1=${x(value)} x2=${x(value)} y1=${bottom} y2=${bottom + 5}></line>
        <line class="zero" x1=${left - 5} x2=${left} y1=${y(value)} y2=${y(value)}></line>
        <text x=${x(value)} y=${bottom + 21} text-anchor="middle">${tickText(value, step)}</text>
        <text x=${left - 9} y=${y(value) + 5} text-anchor="end">${tickText(value, step)}</text>`,
    )}
    ${
      domain[1] > 0
        ? svg`<line class="zero" x1=${x(0)} x2=${x(0)} y1=${bottom} y2=${top}></line>
          <line class="zero" x1=${left} x2=${right} y1=${y(0)} y2=${y(0)}></line>`
        : nothing
    }
    ${even ? svg`<line class="even" x1=${left} y1=${bottom} x2=${right} y2=${top}></line>` : nothing}
  </g>`;
}

export function renderPaths(dots: readonly MapDot[], shown: string | null, x: Scale, y: Scale) {
  const walked = dots.filter(({ path }) => path.length > 1);
  const all = walked
    .slice(0, MOST_PATHS)
    .map(({ path }) => pathOf(path, x, y))
    .join('');
  const own = walked.find(({ id }) => id === shown);
  return svg`<g aria-hidden="true" data-paths=${walked.length}>
    <path class="path" d=${all}></path><path class="path over-it" d=${all}></path>
    ${own ? svg`<path class="path shown" d=${pathOf(own.path, x, y)}></path>` : nothing}
  </g>`;
}

export function renderDots(dots: readonly MapDot[], shown: string | null, pointed: string | null, x: Scale, y: Scale) {
  const drawn = dots.filter((dot) => Number.isFinite(dot.x) && Number.isFinite(dot.y));
  const ring = (dot: MapDot, r: number) =>
    `M${(x(dot.x) - r).toFixed(1)},${y(dot.y).toFixed(1)}a${r},${r} 0 1 0 ${2 * r},0a${r},${r} 0 1 0 ${-2 * r},0`;
  const r = drawn.length > 200 ? 3.5 : 6;
  return svg`<g aria-hidden="true">
    <path class="dots" data-dots=${drawn.length} d=${drawn.map((dot) => ring(dot, r)).join('')}></path>
    ${drawn
      .filter(({ id }) => id === shown || id === pointed)
      .map(
        (dot) =>
          svg`<path class=${`dot${dot.id === shown ? ' selected' : ''}${dot.id === pointed ? ' pointed' : ''}`} d=${ring(dot, 8)}></path>`,
      )}
  </g>`;
}
