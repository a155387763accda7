// A topic as a picture: for each row a bar for each side, in proportion to the longest of the row, and the goals in words.
import { formatNumber } from './tables.mjs';

const WIDTH = 860;
const LEFT = 230;
const BAR = 340;
const LINE = 18;
const OWN = '#2563eb';
const OTHER = '#9ca3af';

/** @param {import('./tables.mjs').TopicResult} result */
export function drawPlot({ name, rows, loaded }) {
  let top = 44;
  const parts = rows.flatMap((row) => {
    const drawn = drawRow(row, top);
    top += LINE * (row.sides.length + 1) + 12;
    return drawn;
  });
  const note = loaded ? ' (measured beside other work)' : '';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${top}" viewBox="0 0 ${WIDTH} ${top}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${top}" fill="#fff"/>`,
    textAt(16, 24, `${name}: medians, shorter is better${note}`, 'font-size="15" font-weight="bold"'),
    ...parts,
    '</svg>\n',
  ].join('\n');
}

/**
 * @param {import('./harness.mjs').Row} row
 * @param {number} top
 */
function drawRow({ name, unit, sides, goals }, top) {
  const longest = Math.max(...sides.map(({ median }) => median));
  const bars = sides.flatMap((side, at) => {
    const y = top + LINE * (at + 1);
    const width = Math.max(1, (side.median / longest) * BAR);
    const color = side.name.startsWith('kubepull') ? OWN : OTHER;
    const told = goals.filter((goal) => goal.side === side.name).map(describeGoal);
    const label = [`${formatNumber(side.median)} ${unit}`, ...told].join('; ');
    return [
      textAt(LEFT - 8, y + 12, side.name, 'text-anchor="end"'),
      `<rect x="${LEFT}" y="${y + 2}" width="${width.toFixed(1)}" height="${LINE - 5}" fill="${color}"/>`,
      textAt(LEFT + width + 6, y + 12, label, ''),
    ];
  });
  return [textAt(16, top + 12, name, 'font-weight="bold"'), ...bars];
}

/** @param {import('./harness.mjs').GoalResult} goal */
function describeGoal({ value, most, unit, met }) {
  return `${formatNumber(value)}${unit} of at most ${formatNumber(most)}${unit}${met ? '' : ': not met'}`;
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} text
 * @param {string} style
 */
function textAt(x, y, text, style) {
  const safe = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<text x="${x.toFixed(1)}" y="${y}" ${style}>${safe}</text>`;
}
