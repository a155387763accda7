import {
  decodeUtf8,
  durationMs,
  type JsonMember,
  type JsonNode,
  parseGoDuration,
  readJson,
} from '../internal/index.js';

/** How far an answer reaches: the one image, its registry, or every image. */
export type CacheKeyType = 'Image' | 'Registry' | 'Global';

/** What a plugin answered. */
export interface PluginResponse {
  readonly cacheKeyType: CacheKeyType;
  /** `undefined` when the answer leaves it to the configuration. */
  readonly cacheDurationMs: number | undefined;
  readonly auth: readonly PluginAuth[];
}

export interface PluginAuth {
  readonly pattern: string;
  readonly username: string;
  readonly password: string;
}

const KINDS: readonly string[] = ['Image', 'Registry', 'Global'] satisfies readonly CacheKeyType[];
/** Kubelet hides what is wrong in detail, because the output holds credentials. */
const UNREADABLE = 'error decoding credential provider plugin response from stdout';

/** What is wrong with an answer, as kubelet logs it. Its text never holds the answer. */
export class ResponseFault extends Error {}

/**
 * Reads a plugin's answer as strictly as kubelet: the wanted version, known fields only, each once.
 *
 * @throws {@link ResponseFault}
 */
export function decodeResponse(stdout: Uint8Array, wanted: string): PluginResponse {
  const result = readJson(stdout);
  if (!result.ok) throw new ResponseFault(`error reading GVK from response: it is not JSON${hintOf(stdout)}`);
  if (result.node.kind !== 'object') throw new ResponseFault('error reading GVK from response: it is not an object');
  const { members } = result.node;
  const apiVersion = lastText(members, 'apiVersion');
  if (apiVersion !== wanted)
    throw new ResponseFault(
      `apiVersion from credential plugin response did not match expected apiVersion:${wanted}, actual apiVersion:${apiVersion}${hintOf(stdout)}`,
    );
  if (lastText(members, 'kind') !== 'CredentialProviderResponse') throw new ResponseFault(UNREADABLE);
  const fields = strictFields(members, ['kind', 'apiVersion', 'cacheKeyType', 'cacheDuration', 'auth']);
  const cacheDurationMs = readDuration(fields.get('cacheDuration'));
  const auth = readAuth(fields.get('auth'));
  const cacheKeyType = textOf(fields.get('cacheKeyType'));
  if (!isCacheKeyType(cacheKeyType))
    throw new ResponseFault(
      `credential provider plugin did not return a valid cacheKeyType: ${JSON.stringify(cacheKeyType)}`,
    );
  return { cacheKeyType, cacheDurationMs, auth };
}

/** A mistake that is often made: the programs have like names. */
function hintOf(stdout: Uint8Array): string {
  const isHelper = /^\s*(?:no credentials |credentials not found|\{\s*"(?:ServerURL|Username|Secret)")/;
  return isHelper.test(decodeUtf8(stdout.subarray(0, 64))) ? '; it answers as a credential helper of Docker' : '';
}

function isCacheKeyType(text: string): text is CacheKeyType {
  return KINDS.includes(text);
}

/** What Go's lenient look at version and kind sees. */
function lastText(members: readonly JsonMember[], name: string): string {
  const node = members.findLast(({ key }) => key === name)?.value;
  return node?.kind === 'string' ? node.value : '';
}

/** An object whose keys are all known, each at most once. */
function strictFields(members: readonly JsonMember[], known: readonly string[]): ReadonlyMap<string, JsonNode> {
  const fields = new Map<string, JsonNode>();
  for (const { key, value } of members) {
    if (!known.includes(key) || fields.has(key)) throw new ResponseFault(UNREADABLE);
    fields.set(key, value);
  }
  return fields;
}

function readAuth(node: JsonNode | undefined): readonly PluginAuth[] {
  if (node === undefined || node.kind === 'null') return [];
  if (node.kind !== 'object') throw new ResponseFault(UNREADABLE);
  const seen = new Set<string>();
  return node.members.map(({ key: pattern, value }) => {
    if (seen.has(pattern) || (value.kind !== 'object' && value.kind !== 'null')) throw new ResponseFault(UNREADABLE);
    seen.add(pattern);
    const fields = strictFields(value.kind === 'object' ? value.members : [], ['username', 'password']);
    return { pattern, username: textOf(fields.get('username')), password: textOf(fields.get('password')) };
  });
}

function textOf(node: JsonNode | undefined): string {
  if (node === undefined || node.kind === 'null') return '';
  if (node.kind !== 'string') throw new ResponseFault(UNREADABLE);
  return node.value;
}

function readDuration(node: JsonNode | undefined): number | undefined {
  if (node === undefined || node.kind === 'null') return undefined;
  const duration = parseGoDuration(textOf(node));
  if (typeof duration === 'string') throw new ResponseFault(UNREADABLE);
  return durationMs(duration);
}
