// The table in the terminal.

const MIB = 2 ** 20;
/** One frame at 60 Hz. */
const FRAME_MS = 1000 / 60;

function milliseconds(ms) {
  if (ms >= 100) return `${ms.toFixed(0)} ms`;
  if (ms >= 1) return `${ms.toFixed(2)} ms`;
  return `${(ms * 1000).toFixed(1)} us`;
}

function bytes(count) {
  return count >= MIB / 10 ? `${(count / MIB).toFixed(1)} MiB` : `${(count / 1024).toFixed(1)} KiB`;
}

/** 12.3, 1.23, 0.12, 0.0012: small ratios keep their digits. */
function factor(value) {
  return value >= 0.1 ? value.toFixed(2) : value.toPrecision(2);
}

function ratio(value) {
  if (!value) return '';
  const { mean, low, high } = value;
  const verdict = low > 1 ? '' : high < 1 ? '  FASTER than the first row' : '  no clear difference';
  return `${factor(mean)}x as long [${factor(low)}, ${factor(high)}]${verdict}`;
}

/** What the time amounts to: tokens of a training step, operations of a product. */
function rate(ms, { flops, tokens }) {
  if (tokens) return `${((1000 * tokens) / ms).toFixed(1)} tokens/s`;
  return flops ? `${(flops / ms / 1e6).toFixed(2)} GFLOP/s` : '';
}

/** How far the values are from the reference; of training steps, from the first row's. */
function agreement(error, { steps }) {
  if (error === undefined) return 'compared with';
  return steps ? `${steps} steps agree to ${error.toExponential(0)}` : `err ${error.toExponential(0)}`;
}

function cells(contender, work) {
  if (contender.status === 'failed') return [contender.name, 'could not run', contender.message];
  if (contender.status === 'wrong')
    return [contender.name, 'WRONG VALUES', `off by ${contender.error.toExponential(1)}`];
  const { name, ms, peakBytes, error, largestTokens } = contender;
  return [
    name,
    milliseconds(ms),
    rate(ms, work),
    bytes(peakBytes),
    largestTokens ? `fits ${largestTokens.toLocaleString('en')} tokens` : '',
    agreement(error, work),
    ratio(contender.ratio),
  ];
}

/** One case: its title and a line per contender, columns aligned. */
export function caseTable({ title, flops, tokens, steps, contenders }) {
  const rows = contenders.map((contender) => cells(contender, { flops, tokens, steps }));
  const widths = [];
  for (const row of rows) {
    if (row.length > 3)
      row.forEach((cell, i) => {
        widths[i] = Math.max(widths[i] ?? 0, cell.length);
      });
  }
  widths[0] = Math.max(...rows.map((row) => row[0].length));
  const lines = rows.map((row) => {
    const padded = row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i] ?? 0)));
    return `  ${(row.length > 3 ? padded : [padded[0], ...row.slice(1)]).join('   ').trimEnd()}`;
  });
  return [title, ...lines].join('\n');
}

/** What the numbers were taken on, and what they are worth. */
export function header(facts, where) {
  const lines = [`${where}; adapter: ${facts.adapter}; features: ${facts.features.join(', ') || 'none'}`];
  for (const { name, ok, maxError } of facts.selfCheck) {
    lines.push(`self-check: ${name} ${ok ? 'agrees' : 'is OFF'} (largest difference ${maxError.toExponential(1)})`);
  }
  lines.push(
    facts.isFallback
      ? 'SOFTWARE ADAPTER: small sizes, few rounds. These numbers compare work done on a CPU; they say nothing about a GPU.'
      : 'Sizes of a 256 M vision-language model and squares up to 4096.',
    "Time: median of interleaved rounds after warm-up, no read-back inside unless it is the contender's own work.",
    '"2.00x as long" is that row\'s time over the first row\'s, paired by round, with its 95 % interval.',
    'Peak: every GPU buffer the library held, inputs and pools included. "fits": tokens until one buffer passes the limit',
    "of a single binding (from the device's limits). Values are checked against float64 before anything is timed; the",
    'losses and gradient norms of training steps against the first row.',
  );
  return lines.join('\n');
}

/** The product: a line for the first visit and one for the next, then the slider. */
export function productTable({ load, slider }) {
  const line = (name, { readyMs, engineMs }, more = '') =>
    `  ${name}   ${milliseconds(readyMs)}, of which engine ${milliseconds(engineMs)}${more}`;
  const { medianMs, slowMs, moves, backend } = slider;
  const verdict = slowMs <= FRAME_MS ? 'within' : medianMs <= FRAME_MS ? 'mostly within' : 'longer than';
  const [base] = load.rows;
  const ratio = (row, which) =>
    row === base ? '' : `, ${factor(row[which].readyMs / base[which].readyMs)} of ${base.name}`;
  return [
    load.title,
    ...load.rows.flatMap((row) => [
      line(`${row.name}, first visit`, row.first, `, ${bytes(row.firstBytes)} fetched${ratio(row, 'first')}`),
      line(`${row.name}, next visit `, row.again, ratio(row, 'again')),
    ]),
    '',
    slider.title,
    `  ${backend}   median ${milliseconds(medianMs)}, 95 % of ${moves} moves within ${milliseconds(slowMs)}: ${verdict} a frame (16.7 ms)`,
  ].join('\n');
}

/** A row per objective: JavaScript's time over the GPU's at each number of pairs, and where the GPU overtakes. */
export function crossoverTable({ title, rows }) {
  const sizes = rows[0].cells.map(({ pairs }) => pairs);
  const cell = ({ gpu, javaScript }) => {
    if (!gpu) return 'refused';
    if (gpu.status === 'failed') return 'failed';
    if (gpu.status === 'wrong') return `WRONG ${gpu.error.toExponential(0)}`;
    return factor(javaScript.ratio.mean);
  };
  const head = [
    'objective',
    ...sizes.map((pairs) => `${pairs.toLocaleString('en')} ${pairs === 1 ? 'pair' : 'pairs'}`),
    'GPU faster',
  ];
  const lines = rows.map(({ id, cells, from }) => [
    id,
    ...cells.map(cell),
    from === null ? 'never' : `from ${from.toLocaleString('en')}`,
  ]);
  const middle = (size, which) => {
    const times = rows.flatMap(({ cells }) => cells[size][which]?.ms ?? []).sort((a, b) => a - b);
    return times.length === 0 ? '' : milliseconds(times[times.length >> 1]);
  };
  for (const [name, which] of [
    ['median time on the GPU', 'gpu'],
    ['median in JavaScript', 'javaScript'],
  ]) {
    lines.push([name, ...sizes.map((_, size) => middle(size, which)), '']);
  }
  const widths = head.map((_, i) => Math.max(...[head, ...lines].map((row) => row[i].length)));
  const text = [head, ...lines].map((row) =>
    `  ${row.map((each, i) => (i === 0 ? each.padEnd(widths[i]) : each.padStart(widths[i]))).join('   ')}`.trimEnd(),
  );
  const note =
    "  JavaScript's time over the GPU's, upload and read-back included: above 1 the GPU is faster. Its numbers are held to float64 in every cell.";
  return [title, note, ...text].join('\n');
}
