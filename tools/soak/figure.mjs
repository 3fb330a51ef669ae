// The figure of a soak: one small panel per quantity over the minutes, from 0 so that flat looks flat.

import { FLAT, judge, WARM_UP } from './report.mjs';

const [WIDTH, COLUMNS, GAP, MARGIN] = [900, 3, 24, 20];
const PANEL = {
  width: (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS,
  height: 130,
  left: 44,
  top: 26,
  bottom: 20,
};

const number = (value) => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(value >= 10 ? 1 : 2));

function panel({ label, unit, column }, verdict, rows, index) {
  const x0 = MARGIN + (index % COLUMNS) * (PANEL.width + GAP) + PANEL.left;
  const y0 = 44 + Math.floor(index / COLUMNS) * (PANEL.height + 22) + PANEL.top;
  const width = PANEL.width - PANEL.left;
  const height = PANEL.height - PANEL.top - PANEL.bottom;
  const known = rows.filter((row) => Number.isFinite(row[column]));
  const until = Math.max(1, rows.at(-1)?.minute ?? 1);
  const most = Math.max(1e-9, ...known.map((row) => row[column])) * 1.1;
  const x = (minute) => (x0 + (minute / until) * width).toFixed(1);
  const y = (value) => (y0 + height - (value / most) * height).toFixed(1);
  const busy = known.filter(({ at }) => at !== 'rest');
  const rest = known.filter(({ at }) => at === 'rest');
  const colour = verdict.flat === false ? '#c92a2a' : '#3b5bdb';
  const words = verdict.flat === null ? '' : `${number(verdict.first)} → ${number(verdict.last)}`;
  return [
    `<text x="${x0 - PANEL.left}" y="${y0 - 12}" font-weight="600">${label}${unit ? `, ${unit}` : ''}</text>`,
    `<rect x="${x0}" y="${y0}" width="${(WARM_UP * width).toFixed(1)}" height="${height}" fill="#f1f3f5"/>`,
    ...[0, 0.5, 1].map((share) => {
      const value = (share * most) / 1.1;
      return `<line x1="${x0}" x2="${x0 + width}" y1="${y(value)}" y2="${y(value)}" stroke="#ced4da" stroke-width="0.5"/><text x="${x0 - 5}" y="${Number(y(value)) + 3.5}" text-anchor="end" fill="#495057" font-size="10">${number(value)}</text>`;
    }),
    ...busy.map((row) => `<circle cx="${x(row.minute)}" cy="${y(row[column])}" r="1.4" fill="#adb5bd"/>`),
    `<polyline fill="none" stroke="${colour}" stroke-width="1.6" points="${rest.map((row) => `${x(row.minute)},${y(row[column])}`).join(' ')}"/>`,
    ...[0, until].map(
      (minute, i) =>
        `<text x="${x(minute)}" y="${y0 + height + 13}" text-anchor="${i ? 'end' : 'start'}" fill="#495057" font-size="10">${i ? `${Math.round(until)} min` : '0'}</text>`,
    ),
    `<text x="${x0 + width / 2}" y="${y0 + height + 13}" text-anchor="middle" fill="${colour}" font-size="10">${words}</text>`,
  ].join('\n');
}

/** The figure as SVG. @param where one line on browser, adapter and date */
export function soakFigure(rows, where = '') {
  const verdicts = judge(rows);
  const last = rows.at(-1);
  const height = 44 + Math.ceil(FLAT.length / COLUMNS) * (PANEL.height + 22) + 24;
  const counts = last
    ? `${Math.round(last.minute)} minutes, ${last.round} rounds: ${last.steps} training steps, ${last.answers} sampled answers, ${last.evaluations} evaluations`
    : 'nothing recorded';
  const asText = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12" role="img">
<title>${counts}</title>
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
<text x="${MARGIN}" y="24" font-size="14" font-weight="600">${counts}</text>
<text x="${MARGIN}" y="40" fill="#495057" font-size="11">Line: at rest after each round, garbage collected. Dots: in the middle of the work. Grey: warm-up. Below: medians of the first and the last third.</text>
${FLAT.map((each, index) => panel(each, verdicts[index], rows, index)).join('\n')}
<text x="${MARGIN}" y="${height - 8}" fill="#495057" font-size="10">${asText(where)}</text>
</svg>
`;
}
