import { Composer, isAlias, isMap, isScalar, isSeq, Lexer, type ParsedNode, Parser, type Scalar } from 'yaml';
import { decodeBase64, decodeUtf8, type JsonNode, readJson } from '../../internal/index.js';

/** The library recurses over what nests, and no exception tells of a native stack that is used up. */
const MAX_DEPTH = 64;
/** What a text may hold: its tokens, and the nodes that a document of it comes to once its aliases are expanded. */
export interface YamlLimits {
  readonly maxTokens: number;
  readonly maxNodes: number;
}

/** A configuration is written by hand. */
const OF_CONFIGURATION: YamlLimits = { maxTokens: 50_000, maxNodes: 400_000 };
/** Of them, what aliases may have brought, and from how many of each on that is asked; by these Kubernetes' library goes. */
const ALIASED = { share: 0.99, of: 1000, from: 100 };
/** All that may stand in YAML 1.1 as it is. */
const CONTROL = /[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;
/** White space is Go's. */
const JSON_START = /^(?:[^\S\ufeff]|\x85)*\{/;
const OPTIONS = { version: '1.1', schema: 'failsafe', merge: false, uniqueKeys: false, logLevel: 'silent' } as const;

/** Why a document cannot be read, in the words of Kubernetes' decoder where they quote nothing of it. */
export class YamlFault extends Error {
  /** What to do about it, where that is plain. */
  readonly cure: string | undefined;

  constructor(message: string, cure?: string) {
    super(message);
    this.cure = cure;
  }
}

/**
 * Reads a configuration as Kubernetes does: JSON where it begins with a brace, else the first document of YAML 1.1, in which
 * a scalar is null, a truth value, a number or a text by the rules of Go's yaml.v2. A key may stand but once, also by `<<`.
 *
 * @throws {@link YamlFault}
 * @see https://github.com/kubernetes-sigs/yaml
 */
export function readYaml(bytes: Uint8Array): unknown {
  if (JSON_START.test(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes))) return readStrictJson(bytes);
  for (const document of readYamlDocuments(bytes, OF_CONFIGURATION)) return document;
  return null;
}

/**
 * Reads each document of YAML as {@link readYaml} does; one that is empty is `null`.
 *
 * @throws {@link YamlFault}
 */
export function* readYamlDocuments(bytes: Uint8Array, limits: YamlLimits): Generator<unknown, void, undefined> {
  const text = decodeText(bytes);
  if (CONTROL.test(text)) throw new YamlFault('yaml: control characters are not allowed');
  const tokens = readTokens(text, limits);
  for (const document of new Composer({ ...OPTIONS, prettyErrors: false }).compose(tokens)) {
    const [fault] = document.errors;
    if (fault !== undefined) throw syntaxFault(text, fault.code, fault.pos[0]);
    const { version, explicit } = document.directives.yaml;
    if (explicit === true && version !== '1.1') throw new YamlFault('yaml: found incompatible YAML document');
    const counts = { nodes: 0, aliased: 0, inAlias: 0, maxNodes: limits.maxNodes };
    const reader: Reader = { text, anchors: new Map(), open: new Set(), path: [], ...counts };
    yield toValue(reader, document.contents, 0);
  }
}

/** A file of JSON is read as such: no comment, no comma too many, each key once. */
function readStrictJson(bytes: Uint8Array): unknown {
  const result = readJson(bytes, { maxDepth: MAX_DEPTH });
  if (!result.ok) throw new YamlFault(`couldn't get version/kind; json parse error: ${result.upstream}`);
  return fromJson(result.node);
}

function fromJson(node: JsonNode): unknown {
  if (node.kind === 'array') return node.items.map(fromJson);
  if (node.kind === 'number') return Number(node.text);
  if (node.kind !== 'object') return node.kind === 'null' ? null : node.value;
  const fields = new Map<string, unknown>();
  for (const { key, value } of node.members) {
    if (fields.has(key)) throw new YamlFault(`strict decoding error: duplicate field ${shownKey(key)}`);
    fields.set(key, fromJson(value));
  }
  return Object.fromEntries(fields);
}

/** UTF-8, or UTF-16 by its mark. */
function decodeText(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const isWide = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  const encoding = isWide ? (first === 0xff ? 'utf-16le' : 'utf-16be') : 'utf-8';
  try {
    // Line breaks are those of YAML 1.1.
    return new TextDecoder(encoding, { fatal: true }).decode(bytes).replaceAll(/\r\n?|\x85/g, '\n');
  } catch {
    throw new YamlFault(`yaml: invalid ${encoding.toUpperCase()} octet`);
  }
}

type Tokens = Parameters<Composer['compose']>[0] extends Iterable<infer Token> ? Token[] : never;

/** The tokens, of a bounded number and depth, by the first two stages of the library, which keep a stack of their own. */
function readTokens(text: string, { maxTokens }: YamlLimits): Tokens {
  const parser = new Parser();
  const tokens: Tokens = [];
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    lexemes += 1;
    if (lexemes > maxTokens) throw new YamlFault(`it has more than ${maxTokens} tokens`);
    if (parser.stack.length > MAX_DEPTH) throw tooDeep();
  }
  for (const token of parser.end()) tokens.push(token);
  return tokens;
}

function tooDeep(): YamlFault {
  return new YamlFault(`it nests deeper than ${MAX_DEPTH} levels`);
}

function syntaxFault(text: string, code: string, offset: number): YamlFault {
  const line = text.slice(0, offset).split('\n').length;
  const fault = `yaml: line ${line}: ${code.toLowerCase().replaceAll('_', ' ')}`;
  return code === 'BAD_ALIAS' ? new YamlFault(fault, QUOTE_IT) : new YamlFault(fault);
}

/** A document that is being read. */
interface Reader {
  readonly text: string;
  readonly anchors: Map<string, ParsedNode>;
  /** The anchors that are being expanded. */
  readonly open: Set<string>;
  /** The keys on the way to the node. */
  readonly path: string[];
  readonly maxNodes: number;
  nodes: number;
  aliased: number;
  inAlias: number;
}

function toValue(reader: Reader, node: ParsedNode | null, depth: number): unknown {
  count(reader);
  if (depth > MAX_DEPTH) throw tooDeep();
  if (node === null) return null;
  if (isAlias(node)) return expand(reader, node.source, (target) => toValue(reader, target, depth + 1));
  setAnchor(reader, node);
  if (isScalar(node)) return readScalar(reader, node);
  if (isSeq(node)) return node.items.map((item) => toValue(reader, item as ParsedNode | null, depth + 1));
  const fields = new Map<string, unknown>();
  addPairs(reader, node, fields, depth);
  return Object.fromEntries(fields);
}

function count(reader: Reader): void {
  reader.nodes += 1;
  if (reader.inAlias > 0) reader.aliased += 1;
  const isMostly = reader.aliased / reader.nodes > ALIASED.share;
  if (reader.nodes > reader.maxNodes || (reader.aliased > ALIASED.from && reader.nodes > ALIASED.of && isMostly))
    throw new YamlFault('yaml: document contains excessive aliasing');
}

function setAnchor({ anchors }: Reader, node: ParsedNode): void {
  if (node.anchor === undefined) return;
  if (!/^[\w-]+$/.test(node.anchor)) throw new YamlFault('yaml: did not find expected alphabetic or numeric character');
  anchors.set(node.anchor, node);
}

/** What an alias stands for. */
function expand<T>(reader: Reader, name: string, use: (target: ParsedNode) => T): T {
  const target = reader.anchors.get(name);
  if (target === undefined) throw unknownAnchor(reader, name);
  if (reader.open.has(name)) throw new YamlFault('yaml: anchor value contains itself');
  reader.open.add(name);
  reader.inAlias += 1;
  const value = use(target);
  reader.inAlias -= 1;
  reader.open.delete(name);
  return value;
}

const QUOTE_IT = 'a text that begins with * must be in quotes, such as "*.example.com"';

/** A name that can be no host may be a password, and so may all that goes to the plugin. */
function unknownAnchor({ path }: Reader, name: string): YamlFault {
  const isShown =
    /^[\w.*-]{1,253}(?::\d{1,5})?(?:\/[\w./*-]*)?$/.test(name) &&
    /[.*]/.test(name) &&
    !path.some((key) => key === 'env' || key === 'args');
  if (!isShown) return new YamlFault('yaml: unknown anchor referenced', QUOTE_IT);
  return new YamlFault(`yaml: unknown anchor '${name}' referenced`, `write the pattern in quotes: "*${name}"`);
}

type PairsOf = { readonly items: readonly { readonly key: unknown; readonly value: unknown }[] };

function addPairs(reader: Reader, map: PairsOf, fields: Map<string, unknown>, depth: number): void {
  for (const pair of map.items) {
    const [key, value] = [pair.key as ParsedNode | null, pair.value as ParsedNode | null];
    if (isScalar(key) && key.source === '<<' && (key.type === 'PLAIN' || key.tag === `${CORE}merge`)) {
      merge(reader, value, fields, depth + 1);
      continue;
    }
    const name = keyText(toValue(reader, key, depth + 1));
    if (fields.has(name)) throw repeated(reader, key, name);
    reader.path.push(name);
    fields.set(name, toValue(reader, value, depth + 1));
    reader.path.pop();
  }
}

function repeated({ text }: Reader, key: ParsedNode | null, name: string): YamlFault {
  const line = text.slice(0, key?.range[0] ?? 0).split('\n').length;
  return new YamlFault(
    `strict decoding error: yaml: unmarshal errors:\n  line ${line}: key ${shownKey(name)} already set in map`,
  );
}

/** A key may be a value in a wrong place. */
function shownKey(key: string): string {
  return JSON.stringify(/^[\w.-]{0,64}/.exec(key)?.[0]);
}

function keyText(key: unknown): string {
  if (typeof key === 'string') return key;
  if (typeof key === 'number' || typeof key === 'boolean') return String(key);
  throw new YamlFault(key === null ? 'Unsupported map key of type null' : 'yaml: invalid map key');
}

function merge(reader: Reader, node: ParsedNode | null, fields: Map<string, unknown>, depth: number): void {
  count(reader);
  if (depth > MAX_DEPTH) throw tooDeep();
  if (isAlias(node)) {
    expand(reader, node.source, (target) => {
      if (!isMap(target)) throw notMergeable();
      addPairs(reader, target, fields, depth);
    });
  } else if (isMap(node)) {
    setAnchor(reader, node);
    addPairs(reader, node, fields, depth);
  } else if (isSeq(node)) {
    for (const item of node.items as readonly ParsedNode[]) {
      if (isSeq(item)) throw notMergeable();
      merge(reader, item, fields, depth + 1);
    }
  } else throw notMergeable();
}

function notMergeable(): YamlFault {
  return new YamlFault('yaml: map merge requires map or sequence of maps as the value');
}

const CORE = 'tag:yaml.org,2002:';
const NULLS: readonly string[] = ['', '~', 'null', 'Null', 'NULL'];
const TRUTHS = /^(?:(y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)|n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/;
const FLOAT = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;
const INTEGER = /^[-+]?(0x[\da-f]+|0o[0-7]+|0b[01]+)$/i;

/** What the library reads by YAML 1.2: an escaped slash, and a line break after the last line of a block that ends the file. */
function readScalar({ text }: Reader, node: Scalar.Parsed): unknown {
  const { type, range } = node;
  const value = String(node.value);
  const isEscaped = type === 'QUOTE_DOUBLE' && value.includes('/');
  if (isEscaped && text.slice(range[0], range[1]).replaceAll('\\\\', '').includes('\\/'))
    throw new YamlFault('yaml: found unknown escape character');
  const isCut = type?.startsWith('BLOCK') === true && range[1] === text.length && !text.endsWith('\n');
  return resolveScalar(isCut ? { ...node, value: value.replace(/\n$/, '') } : node);
}

/** By the rules of yaml.v2: no number to the base 60, and what looks like a date is a text. */
function resolveScalar(node: { readonly value: unknown; readonly type?: string; readonly tag?: string }): unknown {
  const text = String(node.value);
  const kind = node.tag?.startsWith(CORE) === true ? node.tag.slice(CORE.length) : undefined;
  if (kind === 'binary') return decodeBinary(text);
  const isPlain = node.type === 'PLAIN' || node.type === undefined;
  const isText = node.tag === undefined ? !isPlain : kind === undefined || !RESOLVED.includes(kind);
  if (isText) return text;
  const value = resolvePlain(text);
  const found =
    value === null ? 'null' : { boolean: 'bool', number: 'float', string: 'timestamp' }[typeof value as 'string'];
  const fits = kind === undefined || kind === found || (kind === 'int' && Number.isInteger(value));
  if (!fits || (kind === 'timestamp' && !/^\d{4}-\d/.test(text)))
    throw new YamlFault('yaml: cannot decode a value as its tag says');
  return value;
}

/** The tags by which Go's library resolves a scalar; by any other, and by that of texts, it is a text. */
const RESOLVED: readonly string[] = ['null', 'bool', 'int', 'float', 'timestamp'];

function resolvePlain(text: string): unknown {
  if (NULLS.includes(text)) return null;
  const truth = TRUTHS.exec(text);
  if (truth !== null) return truth[1] !== undefined;
  if (/^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/.test(text)) throw new YamlFault('json: unsupported value');
  const plain = /^[-+\d]/.test(text) ? text.replaceAll('_', '') : text;
  if (FLOAT.test(plain) && Number.isFinite(Number(plain))) return Number(plain);
  const digits = INTEGER.exec(plain)?.[1];
  return digits !== undefined && BigInt(digits) < 2n ** 64n ? Number(digits) : text;
}

function decodeBinary(text: string): string {
  const bytes = decodeBase64(text, true);
  if (typeof bytes === 'string') throw new YamlFault('yaml: !!binary value contains invalid base64 data');
  return decodeUtf8(bytes);
}
