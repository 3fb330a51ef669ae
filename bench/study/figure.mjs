// Mean and spread of a study, and its figure: CHAIR-i and cover before and after, one dot per seed.

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

function deviation(values) {
  if (values.length < 2) return 0;
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}

const percent = (value) => Math.round(1000 * value) / 10;

/** One row per training: means over seeds in percent, standard deviations, relative change of CHAIR-i. */
export function summarise({ before, runs, options }) {
  return options.trainings.map(({ name: training }) => {
    const own = runs.filter((run) => run.name === training);
    if (own.length === 0) return { training, seeds: 0 };
    const of = (name) => own.map((run) => run.after[name]);
    return {
      training,
      seeds: own.length,
      'CHAIR-i before': percent(before.chairI),
      'CHAIR-i after': percent(mean(of('chairI'))),
      'CHAIR-i sd': percent(deviation(of('chairI'))),
      'CHAIR-i change %': before.chairI === 0 ? null : percent(mean(of('chairI')) / before.chairI - 1),
      'cover before': percent(before.cover),
      'cover after': percent(mean(of('cover'))),
      'cover sd': percent(deviation(of('cover'))),
    };
  });
}

const WIDTH = 640;
const HEIGHT = 308;
const COLOURS = ['#3b5bdb', '#0b7285', '#862e9c', '#5c940d', '#c92a2a'];

function panel({ title, x, name, before, runs, trainings }) {
  const [top, bottom, width] = [56, HEIGHT - 48, 240];
  const all = [before, ...runs.map((run) => run.after[name])];
  // From 0, unless everything is so near to 1 that nothing would be seen.
  const lowest = Math.min(...all) > 0.8 ? 0.8 : 0;
  const highest = Math.max(lowest + 0.01, ...all);
  const y = (value) => bottom - ((value - lowest) / (highest - lowest) / 1.1) * (bottom - top);
  const column = (index) => x + 40 + ((index + 0.5) * (width - 40)) / (trainings.length + 1);
  const line = (x1, x2, value, extra) =>
    `<line x1="${x1}" x2="${x2}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" ${extra}/>`;
  const parts = [
    `<text x="${x}" y="32" font-weight="600">${title}</text>`,
    ...[0, 0.5, 1].map((share) => {
      const value = lowest + share * (highest - lowest);
      return `${line(x + 36, x + width, value, 'stroke="#adb5bd" stroke-width="0.5"')}<text x="${x + 32}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end" fill="#495057">${percent(value)}</text>`;
    }),
    `<circle cx="${column(0)}" cy="${y(before).toFixed(1)}" r="5" fill="#495057"/>`,
    line(x + 36, x + width, before, 'stroke="#495057" stroke-dasharray="4 4"'),
    `<text x="${column(0)}" y="${HEIGHT - 32}" text-anchor="middle" font-size="11">before</text>`,
  ];
  for (const [index, { name: training }] of trainings.entries()) {
    const values = runs.filter((run) => run.name === training).map((run) => run.after[name]);
    const at = column(index + 1);
    const colour = COLOURS[index % COLOURS.length];
    if (values.length === 0) continue;
    parts.push(
      line(at - 16, at + 16, mean(values), `stroke="${colour}" stroke-width="3"`),
      ...values.map((value, i) => {
        // Dots stand side by side, closer where there are many, and never in the next column.
        const aside = (i - (values.length - 1) / 2) * Math.min(7, 44 / values.length);
        return `<circle cx="${(at + aside).toFixed(1)}" cy="${y(value).toFixed(1)}" r="4" fill="${colour}" fill-opacity="0.6"/>`;
      }),
      `${training
        .split(', ')
        .map(
          (part, row) =>
            `<text x="${at}" y="${HEIGHT - 32 + 13 * row}" text-anchor="middle" font-size="11">${part}</text>`,
        )
        .join('')}`,
    );
  }
  return parts.join('\n');
}

/** The figure as SVG: a dot per seed, a bar at the mean. */
export function studyFigure(result, summary) {
  const { before, runs, options, adapter } = result;
  const { trainings, pairs, seeds, scenes } = options;
  const shared = { runs, trainings };
  const words = summary
    .filter((row) => row.seeds > 0)
    .map((row) => `${row.training}: CHAIR-i ${row['CHAIR-i before']} % to ${row['CHAIR-i after']} %`)
    .join('; ');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" role="img">
<title>${words}</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>
${panel({ ...shared, title: 'CHAIR-i, % (lower is better)', x: 24, name: 'chairI', before: before.chairI })}
${panel({ ...shared, title: 'Cover, % (higher is better)', x: 344, name: 'cover', before: before.cover })}
<text x="24" y="${HEIGHT - 6}" fill="#495057" font-size="10">${pairs} CLIP-ranked pairs, a dot per seed (${seeds.length} in all), ${scenes} held-out scenes; ${adapter}</text>
</svg>
`;
}
