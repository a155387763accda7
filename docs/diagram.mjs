// Draws the Mermaid diagrams of the pages for the site, as HTML and SVG in the colours of the page, at build time: a flowchart of
// named groups as boxes that say what they use, a sequence as lines between columns. It knows what the pages have, and refuses
// a line that it does not know. docs/decisions/0019 says why.

/** @param {string} text */
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

/**
 * @param {string} source a Mermaid diagram
 * @param {(name: string) => string | undefined} linkTo the address of the page about a box, if it has one
 * @returns {string} a `<figure>`
 */
export function drawDiagram(source, linkTo) {
  const [kind = '', ...rest] = source
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (kind === 'flowchart TB') return drawGroups(rest, linkTo);
  if (kind === 'sequenceDiagram') return drawSequence(rest);
  throw new Error(`a diagram of this kind cannot be drawn: ${kind}`);
}

/**
 * @param {readonly string[]} lines
 * @param {(name: string) => string | undefined} linkTo
 */
function drawGroups(lines, linkTo) {
  /** @type {{ title: string, names: string[] }[]} */
  const groups = [];
  /** @type {Map<string, string[]>} */
  const uses = new Map();
  let inside = false;
  for (const line of lines) {
    const [, title] = /^subgraph \w+ \[(.+)\]$/u.exec(line) ?? [];
    const [, from, to] = /^([\w-]+) --> (.+)$/u.exec(line) ?? [];
    if (title !== undefined) {
      groups.push({ title, names: [] });
      inside = true;
    } else if (line === 'end') inside = false;
    else if (from !== undefined && to !== undefined) uses.set(from, [...(uses.get(from) ?? []), ...to.split(' & ')]);
    else if (inside && /^[\w-]+$/u.test(line)) groups.at(-1)?.names.push(line);
    else throw new Error(`a line of a flowchart cannot be drawn: ${line}`);
  }
  const known = new Set(groups.flatMap(({ names }) => names));
  const ends = [...uses].flatMap(([from, to]) => [from, ...to]);
  for (const name of ends)
    if (!known.has(name)) throw new Error(`an arrow of a flowchart has an end in no group: ${name}`);

  const nameOf = (/** @type {string} */ name) => {
    const url = linkTo(name);
    return url === undefined ? `<b>${escape(name)}</b>` : `<a href="${escape(url)}">${escape(name)}</a>`;
  };
  const boxOf = (/** @type {string} */ name) => {
    const used = uses.get(name);
    const arrow = used === undefined ? '' : `<span><i aria-hidden="true">→</i> ${used.map(escape).join(', ')}</span>`;
    return `<li>${nameOf(name)}${arrow}</li>`;
  };
  const bands = groups.map(
    ({ title, names }) => `<section><p>${escape(title)}</p><ul>${names.map(boxOf).join('')}</ul></section>`,
  );
  return `<figure class="diagram groups">${bands.join('')}<figcaption>The names after an arrow are what the box uses.</figcaption></figure>\n`;
}

const COLUMN = 82;
const ROW = 34;
/** The width of a letter, roughly. */
const LETTER = 6;
const TOP = 44;

/** @param {readonly string[]} lines */
function drawSequence(lines) {
  /** @type {Map<string, { title: string, x: number }>} */
  const columns = new Map();
  /** @type {{ title: string, from: number }[]} */
  const open = [];
  /** @type {string[]} */
  const shapes = [];
  /** @type {string[]} */
  const told = [];
  let y = TOP + ROW;
  for (const line of lines) {
    const [, id, name] = /^participant (\w+) as (.+)$/u.exec(line) ?? [];
    const [, from = '', to = '', text] = /^(\w+)->>(\w+): (.+)$/u.exec(line) ?? [];
    const [, loop] = /^loop (.+)$/u.exec(line) ?? [];
    if (id !== undefined && name !== undefined) columns.set(id, { title: name, x: COLUMN / 2 + columns.size * COLUMN });
    else if (text !== undefined) {
      const [a, b] = [columns.get(from), columns.get(to)];
      if (a === undefined || b === undefined) throw new Error(`a message of a sequence has no participant: ${line}`);
      const [left, right] = [Math.min(a.x, b.x) + 8, Math.max(a.x, b.x) - 8];
      const path = a === b ? `M${a.x} ${y - 10}h18v14h-12` : `M${a.x} ${y + 4}H${b.x + (b.x > a.x ? -6 : 6)}`;
      const fits = left + text.length * LETTER < columns.size * COLUMN;
      const beside = `x="${a.x + 26}" y="${y + 2}"`;
      const above = fits ? `x="${left}" y="${y - 3}"` : `class="last" x="${right}" y="${y - 3}"`;
      const at = a === b ? beside : above;
      shapes.push(`<path d="${path}" marker-end="url(#arrow)"/><text ${at}>${escape(text)}</text>`);
      told.push(`${a.title} to ${b.title}: ${text}`);
      y += ROW;
    } else if (loop !== undefined) {
      open.push({ title: loop, from: y - 16 });
      told.push(`for ${loop}:`);
      y += ROW;
    } else if (line === 'end') {
      const ended = open.pop();
      if (ended === undefined) throw new Error('a loop of a sequence ends that did not begin');
      const width = columns.size * COLUMN - COLUMN;
      shapes.unshift(
        `<rect class="loop" x="${COLUMN / 2 + 40}" y="${ended.from}" width="${width - 20}" height="${y - ended.from - 12}" rx="6"/><text class="title" x="${COLUMN / 2 + 50}" y="${ended.from + 17}">${escape(ended.title)}</text>`,
      );
      y += 8;
    } else throw new Error(`a line of a sequence cannot be drawn: ${line}`);
  }
  const width = columns.size * COLUMN;
  const heads = [...columns.values()].map(
    ({ title, x }) =>
      `<path class="life" d="M${x} ${TOP}V${y}"/><rect class="head" x="${x - 39}" y="8" width="78" height="${TOP - 12}" rx="6"/><text class="name" x="${x}" y="${TOP - 15}">${escape(title)}</text>`,
  );
  const marker =
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="2" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8Z"/></marker></defs>';
  return `<figure class="diagram sequence" tabindex="0" role="group" aria-label="A sequence, drawn"><svg viewBox="0 0 ${width} ${y + 4}" width="${width}" role="img" aria-label="${escape(told.join('; '))}">${marker}${heads.join('')}${shapes.join('')}</svg></figure>\n`;
}
