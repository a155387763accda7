import { importsOf, type SourceText } from './imports.ts';

/**
 * The modules that each module may import values from, besides `errors` and `internal`. From the lowest layer up: an
 * arrow may only name what stands above it.
 */
export const ARROWS: Readonly<Record<string, readonly string[]>> = {
  internal: [],
  errors: [],
  clock: [],
  digest: [],
  tracing: ['clock'],
  backoff: [],
  match: [],
  oci: ['digest'],
  reference: ['digest'],
  'docker-config': [],
  platform: ['oci'],
  'pull-policy': ['reference'],
  keyring: ['match', 'docker-config'],
  rules: ['reference'],
  store: ['oci', 'digest'],
  'pull-secrets': ['docker-config'],
  distribution: ['oci', 'reference', 'docker-config', 'digest', 'clock', 'tracing'],
  'credential-provider': ['keyring', 'match', 'docker-config', 'clock', 'tracing'],
  cloud: ['keyring', 'docker-config', 'distribution', 'clock'],
  puller: ['reference', 'platform', 'keyring', 'distribution', 'store', 'digest', 'clock', 'oci', 'tracing'],
  'image-manager': [
    'puller',
    'pull-policy',
    'pull-secrets',
    'keyring',
    'backoff',
    'clock',
    'reference',
    'store',
    'oci',
    'tracing',
  ],
  lint: ['reference', 'match', 'docker-config', 'keyring', 'pull-secrets', 'pull-policy', 'platform'],
  explain: ['reference', 'match', 'docker-config', 'keyring', 'pull-secrets', 'pull-policy', 'platform', 'lint'],
};

/** The top: these may import any module below, and nobody imports them. */
const TOP = ['index', 'node', 'testing', 'cri'];

/** Who may import which package, as values or types; `node:` stands for every built-in of Node. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'node:': ['node', 'testing', 'cri'],
  undici: ['node', 'testing', 'cri'],
  '@grpc/grpc-js': ['cri'],
  '@grpc/proto-loader': ['cri'],
  picomatch: ['rules'],
  aws4fetch: ['cloud'],
  'jsonc-parser': ['node'],
  'smol-toml': ['node'],
  'tar-stream': ['node'],
  yaml: ['node'],
};

/** Every import that breaks a rule of the layers, one line each. */
export function layerViolations(files: readonly SourceText[]): readonly string[] {
  return files.flatMap((file) =>
    importsOf(file).flatMap(({ specifier, typeOnly }) => {
      const broken = brokenRule(file.path, specifier, typeOnly);
      return broken === undefined ? [] : [`${file.path} imports ${specifier}: ${broken}`];
    }),
  );
}

function brokenRule(path: string, specifier: string, typeOnly: boolean): string | undefined {
  const from = moduleOf(path);
  if (!specifier.startsWith('.')) return brokenPackageRule(from, specifier);
  if (!specifier.endsWith('.js')) return 'a relative import ends in .js';
  const target = new URL(specifier, `file:///${path}`).pathname.slice(1);
  const to = moduleOf(target);
  if (to === from) return undefined;
  if (TOP.includes(to)) return `nobody imports ${to}`;
  if (target !== `${to}/index.js`) return `${to} is reached through its index.js`;
  if (TOP.includes(from) || typeOnly) return undefined;
  const arrow = ARROWS[from];
  if (arrow === undefined) return `${from} has no arrow`;
  return ['errors', 'internal', ...arrow].includes(to) ? undefined : `no arrow from ${from} to ${to}`;
}

function brokenPackageRule(from: string, specifier: string): string | undefined {
  const name = Object.keys(PACKAGES).find((known) => specifier === known || specifier.startsWith(prefixOf(known)));
  if (name === undefined) return 'not a package of this library';
  return PACKAGES[name]?.includes(from) === true ? undefined : `not for ${from}`;
}

function prefixOf(name: string): string {
  return name.endsWith(':') ? name : `${name}/`;
}

function moduleOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : path.replace(/\.[jt]s$/, '');
}
