// Results as Markdown.

/** @typedef {import('./harness.mjs').Row} Row */
/** @typedef {import('./harness.mjs').GoalResult} GoalResult */

/**
 * @typedef {object} TopicResult
 * @property {string} name
 * @property {string} about
 * @property {string} machine
 * @property {number | undefined} others the share of the machine that other programs took meanwhile
 * @property {boolean} loaded whether that is too much
 * @property {string} missing why not all was measured
 * @property {readonly Row[]} rows
 */

/**
 * A topic with every side of each row, what it is to the first side of another name, and the goals.
 *
 * @param {TopicResult} result
 */
export function formatTable(result) {
  const lines = result.rows.flatMap((row) =>
    row.sides.map((side, at) => {
      const goals = row.goals.filter((goal) => goal.side === side.name).map(formatGoal);
      const spread = `${formatNumber(side.low)} to ${formatNumber(side.high)}`;
      const value = `${formatNumber(side.median)} ${row.unit}`;
      return `| ${[at === 0 ? row.name : '', side.name, value, spread, row.rounds, goals.join('; ')].join(' | ')} |`;
    }),
  );
  const head = '| what | side | median | least to most | rounds | goal |\n| --- | --- | ---: | ---: | ---: | --- |';
  const table = lines.length === 0 ? [] : [`${head}\n${lines.join('\n')}`];
  const missing = result.missing === '' ? [] : [`Not all was measured: ${result.missing}`];
  return [`${result.about} ${formatLoad(result)}`, ...table, ...missing].join('\n\n');
}

/** @param {TopicResult} result */
function formatLoad({ machine, others, loaded }) {
  const share =
    others === undefined ? 'what else ran is not known' : `other programs took ${Math.round(others * 100)} % of it`;
  return `${machine}; ${share}${loaded ? ', **so read nothing but the ratios, and those with care**' : ''}.`;
}

/** @param {GoalResult} goal */
function formatGoal({ than, most, value, unit, met }) {
  const limit =
    than === 'itself' ? `≤ ${formatNumber(most)}${unit}` : `≤ ${formatNumber(most)}${unit === '×' ? '' : unit} ${than}`;
  return `${met ? 'met' : '**not met**'}: ${formatNumber(value)}${unit}, goal ${limit}`;
}

/**
 * All goals of all topics, a line each.
 *
 * @param {readonly TopicResult[]} results
 */
export function formatGoals(results) {
  const lines = results.flatMap(({ name, rows }) =>
    rows.flatMap((row) =>
      row.goals.map(
        (goal) =>
          `| ${name} | ${row.name} | ${goal.side} | ${goal.than} | ${formatNumber(goal.value)}${goal.unit} | ≤ ${formatNumber(goal.most)}${goal.unit} | ${goal.met ? 'yes' : '**no**'} |`,
      ),
    ),
  );
  const head =
    '| topic | what | side | against | measured | goal | met |\n| --- | --- | --- | --- | ---: | ---: | --- |';
  return `${head}\n${lines.join('\n')}`;
}

/** @param {number} value */
export function formatNumber(value) {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : String(value);
}
