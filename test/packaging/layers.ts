import { importsOf, type SourceText } from './imports.ts';

/**
 * The rooms that each room of `src` may know, for values and types, besides `errors` and `internal`. From the lowest layer up:
 * an arrow may only name what stands above it.
 */
export const ARROWS: Readonly<Record<string, readonly string[]>> = {
  internal: [],
  errors: [],
  clock: [],
  digest: [],
  kubernetes: [],
  tracing: ['clock'],
  metrics: ['clock', 'tracing'],
  backoff: ['clock'],
  reference: ['digest'],
  match: ['reference'],
  oci: ['digest'],
  'docker-config': [],
  platform: ['oci'],
  'pull-policy': ['reference', 'kubernetes'],
  keyring: ['match', 'reference', 'docker-config', 'clock'],
  rules: ['reference'],
  mirrors: ['rules', 'reference', 'clock'],
  store: ['oci', 'digest', 'clock'],
  'pull-secrets': ['docker-config', 'kubernetes', 'match', 'clock'],
  distribution: ['oci', 'reference', 'docker-config', 'digest', 'clock', 'tracing', 'mirrors', 'store'],
  'credential-provider': ['keyring', 'match', 'reference', 'docker-config', 'clock', 'tracing'],
  cloud: ['keyring', 'reference', 'docker-config', 'distribution', 'clock'],
  puller: [
    'reference',
    'platform',
    'keyring',
    'docker-config',
    'distribution',
    'mirrors',
    'store',
    'digest',
    'clock',
    'oci',
    'tracing',
  ],
  'image-service': ['puller', 'keyring', 'docker-config', 'reference', 'store', 'oci', 'digest', 'clock', 'tracing'],
  'image-access': ['kubernetes', 'image-service', 'keyring', 'reference', 'docker-config', 'digest', 'clock'],
  'image-gc': ['image-service', 'clock', 'tracing'],
  'image-manager': [
    'kubernetes',
    'image-service',
    'image-access',
    'pull-policy',
    'pull-secrets',
    'rules',
    'keyring',
    'docker-config',
    'credential-provider',
    'backoff',
    'digest',
    'clock',
    'reference',
    'tracing',
  ],
  pin: ['kubernetes', 'reference', 'digest', 'clock'],
  admission: ['kubernetes', 'pull-policy', 'rules', 'pin'],
  lint: ['kubernetes', 'reference', 'match', 'docker-config', 'keyring', 'pull-secrets', 'pull-policy', 'platform'],
  explain: [
    'kubernetes',
    'image-access',
    'reference',
    'match',
    'docker-config',
    'keyring',
    'pull-secrets',
    'pull-policy',
    'platform',
    'lint',
    'digest',
  ],
  failures: ['reference', 'kubernetes', 'docker-config', 'keyring', 'pull-secrets', 'explain'],
  preflight: [
    'failures',
    'puller',
    'kubernetes',
    'pull-policy',
    'pull-secrets',
    'keyring',
    'docker-config',
    'distribution',
    'mirrors',
    'rules',
    'store',
    'platform',
    'oci',
    'reference',
    'digest',
    'clock',
  ],
};

/** The top: these may import any room below, and nobody imports them, but for what stands above all. */
const TOP = ['index', 'node', 'testing', 'cri', 'cli'];

/** Rooms of the top that another one of it may import. */
const ABOVE: Readonly<Record<string, readonly string[]>> = { cli: ['node'] };

/**
 * The folders inside a room that each of them may know, from the lowest up. `.` is what stands in the room itself; its
 * `index.ts` and `inner.ts` may know all.
 */
export const INNER_ARROWS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  internal: { go: [], '.': ['go'] },
  distribution: {
    transport: [],
    policy: ['transport'],
    response: ['transport'],
    auth: ['transport', 'policy', 'response'],
    session: ['transport', 'policy', 'response', 'auth'],
    pull: ['transport', 'response', 'session'],
    push: ['transport', 'policy', 'response', 'session', 'pull'],
    '.': ['transport', 'policy', 'auth', 'session', 'pull', 'push'],
  },
  lint: {
    rules: [],
    image: ['rules'],
    'docker-config': ['rules', 'image'],
    secret: ['rules', 'image', 'docker-config'],
    pod: ['rules', 'image', 'secret'],
    '.': ['rules'],
  },
  node: {
    files: [],
    process: [],
    transport: [],
    '.': ['transport'],
    mirrors: ['files', 'transport'],
    layout: ['files', '.'],
    archive: ['files', 'layout', '.'],
    kubelet: ['files', 'process', '.'],
    docker: ['files', 'process', 'kubelet', 'layout'],
  },
  testing: {
    build: [],
    '.': [],
    conformance: ['build'],
    'registry/http': [],
    'registry/auth': ['registry/http'],
    'registry/faults': ['registry/http'],
    registry: ['build', 'registry/http', 'registry/auth', 'registry/faults'],
  },
};

/** Who may import which package, as values or types; `node:` stands for every built-in of Node. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'node:': ['node', 'testing', 'cri', 'cli'],
  undici: ['node', 'testing', 'cri'],
  '@grpc/grpc-js': ['cri'],
  '@grpc/proto-loader': ['cri'],
  picomatch: ['rules'],
  aws4fetch: ['cloud'],
  rfc6902: ['admission'],
  'jsonc-parser': ['node'],
  'smol-toml': ['node'],
  yaml: ['node', 'cli'],
};

/** The two doors of a room: what users may import, and what only other rooms may. */
const DOORS = ['index.js', 'inner.js'];

/** Every import that breaks a rule of the layers, one line each. */
export function layerViolations(files: readonly SourceText[]): readonly string[] {
  return files.flatMap((file) =>
    importsOf(file).flatMap(({ specifier }) => {
      const broken = brokenRule(file.path, specifier);
      return broken === undefined ? [] : [`${file.path} imports ${specifier}: ${broken}`];
    }),
  );
}

/** The circles between folders, values and types alike: in a sound house there is none. */
export function folderCircles(files: readonly SourceText[]): readonly string[] {
  return circles(files, folderOf);
}

/** The circles between files. What two files need of each other is in one of them, or in a third. */
export function fileCircles(files: readonly SourceText[]): readonly string[] {
  return circles(files, (path) => path.replace(/\.js$/, '.ts'));
}

/** The places that reach themselves by imports; a place is what holds a file. */
function circles(files: readonly SourceText[], placeOf: (path: string) => string): readonly string[] {
  const arrows = new Map<string, Set<string>>();
  for (const file of files) {
    const from = placeOf(file.path);
    if (isDoor(file.path) || from === '') continue;
    for (const { specifier } of importsOf(file)) {
      if (!specifier.startsWith('.')) continue;
      const to = placeOf(targetOf(file.path, specifier));
      if (to !== from) arrows.set(from, (arrows.get(from) ?? new Set()).add(to));
    }
  }
  const reaches = (from: string): ReadonlySet<string> => {
    const seen = new Set<string>();
    const left = [...(arrows.get(from) ?? [])];
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      left.push(...(arrows.get(next) ?? []));
    }
    return seen;
  };
  return [...arrows.keys()].filter((place) => reaches(place).has(place)).toSorted();
}

function brokenRule(path: string, specifier: string): string | undefined {
  const from = roomOf(path);
  if (!specifier.startsWith('.')) return brokenPackageRule(from, specifier);
  if (!specifier.endsWith('.js')) return 'a relative import ends in .js';
  const target = targetOf(path, specifier);
  const to = roomOf(target);
  if (to === from) return brokenInnerRule(path, target);
  if (TOP.includes(to) && ABOVE[from]?.includes(to) !== true) return `nobody imports ${to}`;
  if (!DOORS.some((door) => target === `${to}/${door}`)) return `${to} is reached through its index.js or inner.js`;
  if (TOP.includes(from)) return undefined;
  const arrow = ARROWS[from];
  if (arrow === undefined) return `${from} has no arrow`;
  const below = from === 'internal' || from === 'errors' ? ['internal'] : ['errors', 'internal', ...arrow];
  return below.includes(to) ? undefined : `no arrow from ${from} to ${to}`;
}

function brokenInnerRule(path: string, target: string): string | undefined {
  const room = roomOf(path);
  const [from, to] = [innerFolder(path), innerFolder(target)];
  if (from === to || isDoor(path)) return undefined;
  const arrow = INNER_ARROWS[room]?.[from];
  if (arrow === undefined) return `${room} has no arrow for its folder ${from}`;
  return arrow.includes(to) ? undefined : `no arrow in ${room} from ${from} to ${to}`;
}

function brokenPackageRule(from: string, specifier: string): string | undefined {
  const name = Object.keys(PACKAGES).find((known) => specifier === known || specifier.startsWith(prefixOf(known)));
  if (name === undefined) return 'not a package of this library';
  return PACKAGES[name]?.includes(from) === true ? undefined : `not for ${from}`;
}

function prefixOf(name: string): string {
  return name.endsWith(':') ? name : `${name}/`;
}

/** The path of an imported file below `src`, with the ending of the import. */
function targetOf(path: string, specifier: string): string {
  return new URL(specifier, `file:///${path}`).pathname.slice(1);
}

function roomOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : path.replace(/\.[jt]s$/, '');
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function innerFolder(path: string): string {
  return folderOf(path).slice(roomOf(path).length + 1) || '.';
}

function isDoor(path: string): boolean {
  return /^[\w-]+\/(?:index|inner)\.ts$/.test(path) || path === 'index.ts';
}

/** More files side by side than a reader takes in. */
const MAX_FILES = 20;

/** The folders that have more files directly in them than they may. */
export function crowdedFolders(sources: readonly SourceText[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { path } of sources) {
    const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '.';
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts].filter(([, count]) => count > MAX_FILES).map(([folder, count]) => `${folder}: ${count} files`);
}
