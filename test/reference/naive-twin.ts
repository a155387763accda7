/** The grammar as one expression, and normalisation word by word: slow and plain, to compare the real one with. */
const label = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const host = `(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])`;
const domain = `${host}(?::[0-9]+)?`;
const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const path = `${component}(?:/${component})*`;
const tag = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}';
const digest = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}';
const REFERENCE = new RegExp(`^(?:(${domain})/)?(${path})(?::(${tag}))?(?:@(${digest}))?$`);

export interface TwinResult {
  readonly domain?: string;
  readonly path?: string;
  readonly tag?: string | undefined;
  readonly digest?: string | undefined;
  readonly error?: string;
}

export function twinParse(text: string): TwinResult {
  const match = REFERENCE.exec(text);
  if (match === null) {
    if (text === '') return { error: 'repository name must have at least one component' };
    const lower = Array.from(text, (c) => (c === '\u0130' ? 'i' : c.toLowerCase())).join('');
    return { error: REFERENCE.test(lower) ? 'repository name must be lowercase' : 'invalid reference format' };
  }
  const [, domainPart = '', pathPart = '', tagPart, digestPart] = match;
  if (pathPart.length > 255) return { error: 'repository name must not be more than 255 characters' };
  const error = digestPart === undefined ? undefined : twinDigestError(digestPart);
  return error === undefined ? { domain: domainPart, path: pathPart, tag: tagPart, digest: digestPart } : { error };
}

function twinDigestError(text: string): string | undefined {
  const [algorithm = '', encoded = ''] = text.split(':');
  const length = new Map([
    ['sha256', 64],
    ['sha384', 96],
    ['sha512', 128],
  ]).get(algorithm);
  if (length === undefined) {
    const wellFormed = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/.test(text);
    return wellFormed ? 'unsupported digest algorithm' : 'invalid checksum digest format';
  }
  if (encoded.length !== length) return 'invalid checksum digest length';
  return /^[a-f0-9]+$/.test(encoded) ? undefined : 'invalid checksum digest format';
}

export function twinNormalize(text: string): TwinResult {
  if (/^[a-f0-9]{64}$/.test(text)) {
    return { error: `invalid repository name (${text}), cannot specify 64-byte hexadecimal strings` };
  }
  const [first = '', ...others] = text.split('/');
  let domainPart = 'docker.io';
  let remainder = text;
  if (others.length > 0) {
    const rest = others.join('/');
    if (first === 'localhost') [domainPart, remainder] = [first, rest];
    else if (first === 'index.docker.io') remainder = rest;
    else if (first.includes('.') || first.includes(':')) [domainPart, remainder] = [first, rest];
    else if (first.toLowerCase() !== first) [domainPart, remainder] = [first, rest];
  }
  if (domainPart === 'docker.io' && !remainder.includes('/')) remainder = `library/${remainder}`;
  const repository = remainder.split(':')[0] ?? '';
  if (repository.toLowerCase() !== repository) {
    return { error: `invalid reference format: repository name (${repository}) must be lowercase` };
  }
  return twinParse(`${domainPart}/${remainder}`);
}
