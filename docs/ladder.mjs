// The picture of the README, docs/ladder.svg: a look-up of the library over a fixed pod, drawn. `node docs/ladder.mjs --write`
// writes it anew after `npm run build`; a test says that what is committed is what this gives.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  createKeyring,
  createPullSecret,
  formatCredentialSource,
  joinKeyrings,
  mergePullSecrets,
  parseDockerConfigJson,
  parseImageName,
  selectPullSecrets,
} from 'kubepull';

export const LADDER_FILE = fileURLToPath(new URL('ladder.svg', import.meta.url));

const IMAGE = 'registry.example.com/team/web:1.4';

/** The keys of the pod's secrets, by name, and those of the node's file. */
const SECRETS = {
  company: '*.example.com',
  lab: 'registry.example.com:5000',
  shared: 'registry.example.com',
  team: 'registry.example.com/team',
  wildcard: 'registry.example.com/*',
};
const NODE_FILE = '/var/lib/kubelet/config.json';
const NODE_KEY = 'registry.example.com';

/**
 * What the rules of a look-up say, for a reader who sees them for the first time.
 *
 * @type {Readonly<Record<string, string>>}
 */
const WORDS = {
  literal: 'its host is the host of the image',
  glob: 'its wildcard covers the host',
  port: 'its port is not that of the image',
  path: 'in a path a wildcard stands for itself',
};

/** The look-up that is drawn: the pod's secrets first, then the node's own file. */
export function lookUp() {
  const account = { username: 'ci', password: 'not-drawn' };
  const imagePullSecrets = Object.keys(SECRETS).map((name) => ({ name }));
  const pod = { metadata: { namespace: 'shop' }, spec: { imagePullSecrets } };
  const secrets = Object.entries(SECRETS).map(([name, server]) =>
    createPullSecret({ name, namespace: 'shop', server, ...account }),
  );
  const { entries } = mergePullSecrets(selectPullSecrets(pod, secrets).found);
  const file = parseDockerConfigJson(JSON.stringify({ auths: { [NODE_KEY]: account } }), {
    kind: 'file',
    path: NODE_FILE,
  });
  return joinKeyrings(createKeyring(entries), createKeyring(file)).lookup(parseImageName(IMAGE));
}

const STYLE = `
    text { font: 14px system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif; fill: #1f2328; }
    .title { font-size: 17px; font-weight: 600; }
    .key, .word { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace; font-size: 13px; }
    .word { font-weight: 600; fill: #0a5a2a; }
    .faint, .out { fill: #57606a; }
    .reason { fill: #9a2b1f; }
    .rank { fill: #ffffff; font-weight: 600; text-anchor: middle; }
    .card { fill: #ffffff; stroke: #d0d7de; }
    .rail, .rung { stroke: #0b62c4; stroke-width: 4; stroke-linecap: round; fill: none; }
    .knob { fill: #0b62c4; }
    .cross { stroke: #9a2b1f; stroke-width: 2; stroke-linecap: round; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .word { fill: #6ddc90; }
      .faint, .out { fill: #a3adb8; }
      .reason { fill: #ff9d91; }
      .rank { fill: #0d1117; }
      .card { fill: #0d1117; stroke: #3d444d; }
      .rail, .rung { stroke: #6cb2ff; }
      .knob { fill: #6cb2ff; }
      .cross { stroke: #ff9d91; }
    }`;

const ROW = 42;
/** Where each column begins. */
const AT = { left: 36, knob: 56, right: 76, key: 104, source: 314, word: 516 };

/** @param {string} text */
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** @type {(x: number, y: number, kind: string, text: string) => string} */
const write = (x, y, kind, text) => `<text x="${x}" y="${y}" class="${kind}">${escape(text)}</text>`;

/**
 * A line of the picture: a key, where it stands, the rule or reason, and what that means.
 *
 * @param {number} y
 * @param {{ readonly entry: import('kubepull').DockerConfigEntry, readonly word: string, readonly isTried: boolean }} row
 */
function drawRow(y, { entry, word, isTried }) {
  const says = WORDS[word];
  if (says === undefined) throw new Error(`docs/ladder.mjs has no words for ${word}`);
  const source = formatCredentialSource(entry.source).replace('/var/lib/kubelet/', '');
  return [
    write(AT.key, y + 5, isTried ? 'key' : 'key out', entry.pattern),
    write(AT.source, y + 5, 'faint', source),
    write(AT.word, y - 3, isTried ? 'word' : 'word reason', word),
    write(AT.word, y + 14, 'faint', says),
  ];
}

/**
 * The picture, as the text of a file.
 *
 * @param {import('kubepull').LookupResult} lookup
 */
export function drawLadder({ candidates, rejected }) {
  const top = 118;
  const bottom = top + (candidates.length - 1) * ROW;
  const below = bottom + 64;
  const height = below + rejected.length * ROW + 18;
  const { left, right } = AT;
  const order = candidates.map(
    ({ rank, entry, rule }) =>
      `${rank}: ${entry.pattern} of ${formatCredentialSource(entry.source)}, by the rule ${rule}`,
  );
  const others = rejected.map(({ entry, reason }) => `${entry.pattern}, because of ${reason}`);
  const rows = [
    ...[left, right].map((x) => `<path class="rail" d="M${x} ${top - 26}V${bottom + 26}"/>`),
    ...candidates.flatMap(({ rank, entry, rule }, at) => {
      const y = top + at * ROW;
      return [
        `<path class="rung" d="M${left} ${y}H${right}"/><circle class="knob" cx="${AT.knob}" cy="${y}" r="12"/>`,
        write(AT.knob, y + 5, 'rank', String(rank)),
        ...drawRow(y, { entry, word: rule, isTried: true }),
      ];
    }),
    write(left, below - 4, 'faint', 'Not tried:'),
    ...rejected.flatMap(({ entry, reason }, at) => {
      const y = below + 28 + at * ROW;
      const [x, up] = [AT.knob - 5, y - 5];
      return [
        `<path class="cross" d="M${x} ${up}l10 10m0 -10l-10 10"/>`,
        ...drawRow(y, { entry, word: reason, isTried: false }),
      ];
    }),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 ${height}" width="820" height="${height}" role="img" aria-labelledby="title about">
  <title id="title">The credentials that kubelet tries for ${escape(IMAGE)}, in their order</title>
  <desc id="about">${escape(`Tried from the top, until the registry takes one. ${order.join('; ')}. Not tried: ${others.join('; ')}.`)}</desc>
  <style>${STYLE}
  </style>
  <rect class="card" x="0.5" y="0.5" width="819" height="${height - 1}" rx="10"/>
  ${write(24, 36, 'title', `Which credentials does kubelet try for ${IMAGE}?`)}
  ${write(24, 62, 'faint', 'From the top, until the registry takes one: first the secrets of the pod, then the files of the node.')}
  ${rows.join('\n  ')}
</svg>
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url) && process.argv.includes('--write'))
  writeFileSync(LADDER_FILE, drawLadder(lookUp()));
