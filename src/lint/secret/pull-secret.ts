import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { decodeBase64, encodeUtf8, quote } from '../../internal/index.js';
import type { SecretLike } from '../../pull-secrets/index.js';
import type { ImageName } from '../../reference/index.js';
import { readImageOption } from '../image/option.js';
import { lintDocument } from '../docker-config/document.js';
import type { DocumentFormat } from '../docker-config/members.js';
import { readSecret } from './read-object.js';
import { finding } from '../rules/rules.js';
import type { LintFinding, LintPullSecretOptions } from '../rules/finding.js';

interface Kind {
  readonly type: string;
  readonly key: string;
  readonly format: DocumentFormat;
}

const KINDS: readonly [Kind, Kind] = [
  { type: 'kubernetes.io/dockerconfigjson', key: '.dockerconfigjson', format: 'dockerconfigjson' },
  { type: 'kubernetes.io/dockercfg', key: '.dockercfg', format: 'dockercfg' },
];
const MAX_SIZE = 1_048_576;

/**
 * Looks for what is wrong with a pull secret: what the API server refuses, what makes kubelet ignore it, and everything
 * that {@link lintDockerConfig} finds in the document that it holds.
 *
 * @param secret - the secret, as the API gives it or as a manifest has it
 * @param options - an image that it should serve
 * @returns the findings, none for a good secret; no value of the secret is in them
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when the image is no text
 * @example
 * ```ts
 * import { lintPullSecret } from 'kubepull/lint';
 *
 * const findings = lintPullSecret({ type: 'Opaque', data: { '.dockerconfigjson': 'e30=' } });
 * findings.map(({ code }) => code); // ['SECRET_TYPE_WRONG', 'NO_ENTRIES']
 * ```
 * @public
 */
export function lintPullSecret(secret: SecretLike, options: LintPullSecretOptions = {}): readonly LintFinding[] {
  check<LintPullSecretOptions>('Cannot lint pull secret', options, { image: is.optional(is.text) });
  const image = readImageOption(options.image, 'pull secret');
  const findings: LintFinding[] = [];
  const clean = readSecret(secret, (found) => findings.push(found));
  const content = lintContent(clean, image.image);
  return [...findings, ...lintType(clean), ...lintValues(clean), ...content, ...image.findings];
}

function hasKey({ data = {}, stringData = {} }: SecretLike, key: string): boolean {
  return Object.hasOwn(data, key) || Object.hasOwn(stringData, key);
}

function* lintType(secret: SecretLike): Generator<LintFinding> {
  const own = KINDS.find(({ type }) => type === secret.type);
  const present = KINDS.filter(({ key }) => hasKey(secret, key));
  if (own === undefined) {
    const message = secret.type ? `The type is ${quote(secret.type)}` : 'There is no type, which stands for Opaque';
    return yield finding('SECRET_TYPE_WRONG', 'type', message, (present[0] ?? KINDS[0]).type);
  }
  const other = present.find((kind) => kind !== own);
  if (present.includes(own)) {
    const message = `A secret of this type is read from ${own.key}`;
    if (other !== undefined) yield finding('SECRET_BOTH_KEYS', placeOfKey(secret, other.key), message);
  } else if (other !== undefined) {
    yield finding('SECRET_TYPE_KEY_MISMATCH', 'type', `The data key is ${other.key}`, other.type);
  } else {
    yield finding('SECRET_KEY_MISSING', 'data', `There is no ${own.key}`, own.key);
  }
}

function placeOfKey({ stringData = {} }: SecretLike, key: string): string {
  return `${Object.hasOwn(stringData, key) ? 'stringData' : 'data'}[${quote(key)}]`;
}

/** What the API server says of any data. */
function* lintValues({ data = {}, stringData = {} }: SecretLike): Generator<LintFinding> {
  let size = 0;
  for (const [key, text] of Object.entries(data)) {
    const place = `data[${quote(key)}]`;
    const bytes = decodeBase64(text, true);
    yield* lintDataKey(key, place);
    if (typeof bytes === 'string') yield lintNoBase64(text, place);
    if (!Object.hasOwn(stringData, key)) size += bytes.length;
    else yield finding('SECRET_DATA_OVERRIDDEN', place, 'The value in stringData takes its place');
  }
  for (const [key, text] of Object.entries(stringData)) {
    if (!Object.hasOwn(data, key)) yield* lintDataKey(key, `stringData[${quote(key)}]`);
    size += encodeUtf8(text).length;
  }
  if (size > MAX_SIZE) yield finding('SECRET_TOO_LARGE', 'data', `The values have ${size} bytes`);
}

function* lintDataKey(key: string, place: string): Generator<LintFinding> {
  const isLegal = /^[-._a-zA-Z0-9]{1,253}$/.test(key) && key !== '.' && !key.startsWith('..');
  if (!isLegal) yield finding('SECRET_KEY_ILLEGAL', place, 'The API server refuses this key');
}

function lintNoBase64(text: string, place: string): LintFinding {
  return /^\s*\{/.test(text)
    ? finding('SECRET_DATA_PLAIN_TEXT', place, 'It begins with a brace')
    : finding('SECRET_DATA_NOT_BASE64', place, 'It cannot be decoded');
}

/** The document, also when the type does not fit: that is cured first, and then the rest counts. */
function* lintContent(secret: SecretLike, image: ImageName | undefined): Generator<LintFinding> {
  const own = KINDS.find(({ type, key }) => type === secret.type && hasKey(secret, key));
  const kind = own ?? KINDS.find(({ key }) => hasKey(secret, key));
  if (kind === undefined) return;
  const { data = {}, stringData = {} } = secret;
  const { key, format } = kind;
  const place = placeOfKey(secret, key);
  const value = Object.hasOwn(stringData, key) ? (stringData[key] ?? '') : decodeBase64(data[key] ?? '', true);
  const isBad = !Object.hasOwn(stringData, key) && typeof value === 'string';
  if (value.length === 0) yield finding('SECRET_VALUE_EMPTY', place, 'There is no content in it');
  else if (!isBad) yield* lintDocument(value, { format, place, image });
}
