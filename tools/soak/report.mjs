// The table of a soak, and what it says: does anything grow?

/** Columns of the table. The counts add up over the whole soak. */
export const COLUMNS = [
  'minute',
  'round',
  'at',
  'gpu_live',
  'gpu_peak',
  'heap_page',
  'heap_worker',
  'rss_browser',
  'rss_renderer',
  'rss_gpu',
  'dom_nodes',
  'listeners',
  'storage',
  'steps',
  'answers',
  'evaluations',
  'actions',
  'notices',
  'errors',
];

/**
 * What must stay flat, and by how much the median of the last third may lie above that of the first. The page is
 * measured at rest, in the very state in which each round began, so what it keeps account of itself should come back
 * to the same number: `slack` is a few objects, not a trend. Processes keep freed memory for later and share pages, so
 * theirs gets a tenth; a leak of 1 MiB per round is more than that after two hours.
 */
export const FLAT = [
  { column: 'gpu_live', label: 'GPU buffers of the page', unit: 'MiB', percent: 1, slack: 0.5 },
  { column: 'heap_page', label: 'JavaScript heap of the page', unit: 'MiB', percent: 5, slack: 1 },
  { column: 'heap_worker', label: 'JavaScript heap of the worker', unit: 'MiB', percent: 5, slack: 1 },
  { column: 'rss_gpu', label: 'GPU process, resident', unit: 'MiB', percent: 10, slack: 16 },
  { column: 'rss_renderer', label: 'Renderer, resident', unit: 'MiB', percent: 10, slack: 16 },
  { column: 'rss_browser', label: 'Browser process, resident', unit: 'MiB', percent: 10, slack: 16 },
  { column: 'dom_nodes', label: 'DOM nodes', unit: '', percent: 5, slack: 50 },
  { column: 'listeners', label: 'Event listeners', unit: '', percent: 5, slack: 20 },
  { column: 'storage', label: 'Stored by the browser', unit: 'MiB', percent: 10, slack: 4 },
];

/** Share of the time that is not judged: every objective compiles its kernels once, caches and undo fill up. */
export const WARM_UP = 0.25;

export const csvHeader = `${COLUMNS.join(',')}\n`;
export const csvRow = (row) => `${COLUMNS.map((name) => row[name] ?? '').join(',')}\n`;

/** @throws Error for a table that has other columns. */
export function readCsv(text) {
  const [header, ...lines] = text.trim().split('\n');
  if (header !== COLUMNS.join(',')) throw new Error(`The first line of the table is not ${COLUMNS.join(',')}.`);
  return lines.map((line) => {
    const cells = line.split(',');
    return Object.fromEntries(
      COLUMNS.map((name, i) => [name, name === 'at' ? cells[i] : cells[i] === '' ? Number.NaN : Number(cells[i])]),
    );
  });
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Theil and Sen: the median slope between any two points. Spikes do not bend it. */
export function slope(points) {
  const slopes = points.flatMap(([x, y], i) =>
    points.slice(i + 1).flatMap(([otherX, otherY]) => (otherX === x ? [] : [(otherY - y) / (otherX - x)])),
  );
  return median(slopes);
}

/** Rows at rest after the warm-up. */
export function judgedRows(rows) {
  const until = rows.at(-1)?.minute ?? 0;
  return rows.filter(({ at, minute }) => at === 'rest' && minute >= WARM_UP * until);
}

/**
 * Whether each quantity is flat. `thirds` are medians.
 *
 * @returns one line per quantity; `flat` is null where there are fewer than six rows to judge
 */
export function judge(rows) {
  const judged = judgedRows(rows);
  const third = Math.floor(judged.length / 3);
  return FLAT.map(({ column, label, unit, percent, slack }) => {
    const points = judged.flatMap((row) => (Number.isFinite(row[column]) ? [[row.minute / 60, row[column]]] : []));
    if (third < 2 || points.length < judged.length) return { column, label, unit, flat: null };
    const first = median(points.slice(0, third).map(([, value]) => value));
    const last = median(points.slice(-third).map(([, value]) => value));
    const allowed = Math.max((percent / 100) * first, slack);
    return { column, label, unit, first, last, perHour: slope(points), allowed, flat: last - first <= allowed };
  });
}

const number = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2));

/** The table of `judge` as Markdown. */
export function markdown(lines) {
  const head = '| | first third | last third | allowed | per hour | |\n| --- | --- | --- | --- | --- | --- |\n';
  return (
    head +
    lines
      .map(({ label, unit, first, last, allowed, perHour, flat }) => {
        if (flat === null) return `| ${label} | | | | | too few rows |\n`;
        const name = unit ? `${label}, ${unit}` : label;
        const sign = perHour > 0 ? '+' : '';
        return `| ${name} | ${number(first)} | ${number(last)} | +${number(allowed)} | ${sign}${number(perHour)} | ${flat ? 'flat' : '**grows**'} |\n`;
      })
      .join('')
  );
}
