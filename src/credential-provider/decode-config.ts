import { durationMs, parseGoDuration, printGoDuration } from '../internal/index.js';

const GROUP = 'kubelet.config.k8s.io';
const VERSIONS = ['v1', 'v1beta1', 'v1alpha1'];
const KIND = 'CredentialProviderConfig';

/** A provider as it stands in the document: nothing is checked but the types. */
export interface RawProvider {
  readonly name: string;
  readonly matchImages: readonly string[];
  /** `text` is how Go prints it. */
  readonly defaultCacheDuration: { readonly ms: number; readonly text: string } | undefined;
  readonly apiVersion: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly tokenAttributes: RawTokenAttributes | undefined;
}

export interface RawTokenAttributes {
  readonly serviceAccountTokenAudience: string;
  readonly requireServiceAccount: boolean | undefined;
  readonly cacheType: string;
  readonly requiredServiceAccountAnnotationKeys: readonly string[];
  readonly optionalServiceAccountAnnotationKeys: readonly string[];
}

/** The reason why a document is no configuration, in the words of Kubernetes' decoder where those are fixed. */
export class DecodeFault extends Error {}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Decodes a parsed document as strictly as kubelet: a field that is not known is an error.
 *
 * @throws {@link DecodeFault}
 */
export function decodeConfig(value: unknown): readonly RawProvider[] {
  const fields = asObject(value, 'document') ?? {};
  const apiVersion = asText(fields['apiVersion'], 'apiVersion');
  const kind = asText(fields['kind'], 'kind');
  if (kind === '') throw new DecodeFault("Object 'Kind' is missing");
  if (apiVersion === '') throw new DecodeFault("Object 'apiVersion' is missing");
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  if (kind !== KIND) throw new DecodeFault(`failed to decode "${kind}" (wrong Kind)`);
  if (group !== GROUP) throw new DecodeFault(`failed to decode ${KIND}, unexpected Group: ${group}`);
  if (!VERSIONS.includes(version)) throw new DecodeFault(`no kind "${KIND}" is registered for version "${apiVersion}"`);
  const unknown: UnknownFields = [];
  checkKnown(unknown, fields, '', ['apiVersion', 'kind', 'providers']);
  const providers = asList(fields['providers'], 'providers').map((item, index) =>
    decodeProvider(item, `providers[${index}]`, version === 'v1', unknown),
  );
  if (unknown.length > 0) {
    const list = unknown.map((path) => `unknown field ${JSON.stringify(path)}`).join(', ');
    throw new DecodeFault(`strict decoding error: ${list}`);
  }
  return providers;
}

/** Paths of unknown fields; all are named at once. */
type UnknownFields = string[];

function checkKnown(unknown: UnknownFields, fields: Fields, place: string, known: readonly string[]): void {
  for (const key of Object.keys(fields)) {
    if (!known.includes(key)) unknown.push(place === '' ? shownKey(key) : `${place}.${shownKey(key)}`);
  }
}

/** A key of a document that went wrong may hold a value, a secret in it; so it is cut where it is no more a name. */
function shownKey(key: string): string {
  return /^[\w.-]{0,64}/.exec(key)?.[0] ?? '';
}

const PROVIDER_FIELDS = ['name', 'matchImages', 'defaultCacheDuration', 'apiVersion', 'args', 'env'];
const TOKEN_FIELDS = [
  'serviceAccountTokenAudience',
  'requireServiceAccount',
  'cacheType',
  'requiredServiceAccountAnnotationKeys',
  'optionalServiceAccountAnnotationKeys',
];

function decodeProvider(value: unknown, place: string, withTokens: boolean, unknown: UnknownFields): RawProvider {
  const fields = asObject(value, place) ?? {};
  checkKnown(unknown, fields, place, withTokens ? [...PROVIDER_FIELDS, 'tokenAttributes'] : PROVIDER_FIELDS);
  const env = asList(fields['env'], `${place}.env`).map((item, index) => {
    const at = `${place}.env[${index}]`;
    const variable = asObject(item, at) ?? {};
    checkKnown(unknown, variable, at, ['name', 'value']);
    return { name: asText(variable['name'], `${at}.name`), value: asText(variable['value'], `${at}.value`) };
  });
  return {
    name: asText(fields['name'], `${place}.name`),
    matchImages: asTexts(fields['matchImages'], `${place}.matchImages`),
    defaultCacheDuration: asDuration(fields['defaultCacheDuration'], `${place}.defaultCacheDuration`),
    apiVersion: asText(fields['apiVersion'], `${place}.apiVersion`),
    args: asTexts(fields['args'], `${place}.args`),
    env,
    tokenAttributes: withTokens ? decodeTokens(fields['tokenAttributes'], place, unknown) : undefined,
  };
}

function decodeTokens(value: unknown, provider: string, unknown: UnknownFields): RawTokenAttributes | undefined {
  const place = `${provider}.tokenAttributes`;
  const fields = asObject(value, place);
  if (fields === undefined) return undefined;
  checkKnown(unknown, fields, place, TOKEN_FIELDS);
  const required = fields['requireServiceAccount'] ?? undefined;
  if (required !== undefined && typeof required !== 'boolean') throw mismatch(required, 'bool', place);
  const texts = (name: string): readonly string[] => asTexts(fields[name], `${place}.${name}`);
  return {
    serviceAccountTokenAudience: asText(fields['serviceAccountTokenAudience'], `${place}.serviceAccountTokenAudience`),
    requireServiceAccount: required,
    cacheType: asText(fields['cacheType'], `${place}.cacheType`),
    requiredServiceAccountAnnotationKeys: texts('requiredServiceAccountAnnotationKeys'),
    optionalServiceAccountAnnotationKeys: texts('optionalServiceAccountAnnotationKeys'),
  };
}

function asObject(value: unknown, place: string): Fields | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) throw mismatch(value, 'object', place);
  return Object.fromEntries(Object.entries(value));
}

function asList(value: unknown, place: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw mismatch(value, 'list', place);
  return value;
}

function asTexts(value: unknown, place: string): readonly string[] {
  return asList(value, place).map((item, index) => asText(item, `${place}[${index}]`));
}

/** Absent and `null` are the empty text, as in Go. */
function asText(value: unknown, place: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw mismatch(value, 'string', place);
  return value;
}

function asDuration(value: unknown, place: string): RawProvider['defaultCacheDuration'] {
  if (value === undefined || value === null) return undefined;
  const duration = parseGoDuration(asText(value, place));
  if (typeof duration === 'string') throw new DecodeFault(duration);
  return { ms: durationMs(duration), text: printGoDuration(duration) };
}

/** Go names its own structs here; the place is of more use. The value is not shown: it may be a secret in a wrong place. */
function mismatch(value: unknown, wanted: string, place: string): DecodeFault {
  const found = Array.isArray(value) ? 'list' : typeof value;
  return new DecodeFault(`${place} must be of type ${wanted}, not ${found}`);
}
