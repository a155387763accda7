import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { format, inspect } from 'node:util';

/** The kinds of secret that a test may plant; each is found again wherever it leaks to. */
export type CanaryKind =
  | 'password'
  | 'username'
  | 'identity-token'
  | 'registry-token'
  | 'refresh-token'
  | 'bearer-token'
  | 'plugin-output'
  | 'service-account-token'
  | 'proxy-password'
  | 'signed-query'
  | 'cookie'
  | 'private-key';

interface Canary {
  readonly kind: CanaryKind | 'created-secret';
  readonly value: string;
  readonly needles: readonly string[];
  /** Origins that may receive it; `undefined` when requests are not judged for this one. */
  readonly owners: ReadonlySet<string> | undefined;
}

export interface Hit {
  readonly kind: string;
  readonly place: string;
}

export interface LoggedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body?: Uint8Array | undefined;
}

const WINDOW = 12;
/** A property test makes thousands of secrets and values in one test; so many of them are enough to see a leak. */
const MAX_WATCHED = 100;
const MAX_VALUES = 1_000;

/** What the hook has seen in the running test. */
const state = {
  canaries: new Map<string, Canary>(),
  values: new Set<unknown>(),
  texts: [] as { place: string; text: string }[],
  directories: new Map<string, ReadonlySet<string>>(),
  requestLogs: [] as { origin: string; requests: () => readonly LoggedRequest[] }[],
};

export const totals = { places: 0, canaries: 0 };

/**
 * Plants a secret: fresh random text that the hook looks for after the test, in every encoding, wherever it may leak.
 *
 * @param owners - the origins that may see it in a request; any other registry of the test must not
 */
export function canary(kind: CanaryKind, owners?: readonly string[]): string {
  // What it begins with is the same for all of a kind, and so shorter than what is looked for.
  const value = `${kind.replaceAll('-', '').slice(0, WINDOW - 4)}${randomBytes(18).toString('hex')}`;
  register(value, kind, owners);
  return value;
}

/** Watches a value that our code made a `Secret` of. Short ones are left out: they occur by chance. */
export function watchSecret(value: string): void {
  if (state.canaries.size >= MAX_WATCHED || state.canaries.has(value)) return;
  if (value.length >= WINDOW && /\d/.test(value)) register(value, 'created-secret');
}

function register(value: string, kind: Canary['kind'], owners?: readonly string[]): void {
  totals.canaries += 1;
  const needles = needlesOf(value);
  state.canaries.set(value, { kind, value, needles, owners: owners === undefined ? undefined : new Set(owners) });
}

/**
 * Every form in which the secret could show, any 12 characters of it: raw and in capitals, percent-encoded and escaped as in JSON,
 * each where it must be and everywhere, in hex, and in base64 at any alignment.
 */
function needlesOf(value: string): readonly string[] {
  const bytes = Buffer.from(value);
  const needles = new Set<string>();
  const encoded = [encodeURIComponent(value.replaceAll(/\p{Cs}/gu, '')), JSON.stringify(value).slice(1, -1)];
  for (const form of [value, value.toUpperCase(), ...encoded]) addWindows(needles, form, WINDOW);
  const hex = bytes.toString('hex');
  for (const digits of [hex, hex.toUpperCase()]) {
    addWindows(needles, digits, WINDOW * 2, 2);
    for (const before of ['%', '\\u00'])
      addWindows(needles, digits.replaceAll(/../g, `${before}$&`), WINDOW * (before.length + 2), before.length + 2);
  }
  for (const shift of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replaceAll('=', '');
    // The first and last characters of the encoding depend on what stands beside the secret.
    const core = text.slice(shift === 0 ? 0 : 4, -2);
    addWindows(needles, core, WINDOW + 4);
    addWindows(needles, core.replaceAll('+', '-').replaceAll('/', '_'), WINDOW + 4);
  }
  return [...needles];
}

/** All pieces of a width, from each place or from those where a letter begins that takes several. */
function addWindows(needles: Set<string>, text: string, width: number, step = 1): void {
  for (let at = 0; at + width <= text.length; at += step) needles.add(text.slice(at, at + width));
}

/** Has a value scanned after the test, through every renderer. Everything that `expect` sees is observed by itself. */
export function observe(value: unknown): void {
  if (state.values.size >= MAX_VALUES) return;
  if ((typeof value === 'object' && value !== null) || typeof value === 'function') state.values.add(value);
}

export function observeText(place: string, text: string): void {
  state.texts.push({ place, text });
}

/** Has every file below a directory scanned after the test, by name and content, but for the paths in `except`. */
export function observeDirectory(directory: string, except: ReadonlySet<string> = new Set()): void {
  state.directories.set(directory, except);
}

/** Has a registry's request log judged after the test: a canary may appear only at its owners. */
export function observeRequests(origin: string, requests: () => readonly LoggedRequest[]): void {
  state.requestLogs.push({ origin, requests });
}

/** Finds the canaries in a text by one walk over it, however many needles there are. */
function createFinder(canaries: readonly Canary[]): (text: string) => ReadonlySet<Canary> {
  const byNeedle = new Map(canaries.flatMap((found) => found.needles.map((needle) => [needle, found] as const)));
  const widths = new Set([...byNeedle.keys()].map((needle) => needle.length));
  // How needles may begin: most places of a text are passed over without cutting a piece out of it.
  const beginnings = new Uint8Array(1 << 16);
  for (const needle of byNeedle.keys()) beginnings[beginningOf(needle, 0)] = 1;
  return (text) => {
    const found = new Set<Canary>();
    for (let at = 0; at + WINDOW <= text.length; at += 1) {
      if (beginnings[beginningOf(text, at)] === 0) continue;
      for (const width of widths) {
        const hit = byNeedle.get(text.slice(at, at + width));
        if (hit !== undefined) found.add(hit);
      }
    }
    return found;
  };
}

/** A number for the first four characters of a needle. */
function beginningOf(text: string, at: number): number {
  const [a, b, c, d] = [text.charCodeAt(at), text.charCodeAt(at + 1), text.charCodeAt(at + 2), text.charCodeAt(at + 3)];
  return (a ^ (b << 4) ^ (c << 8) ^ (d << 12) ^ (d >> 4)) & 0xffff;
}

/** Ends the test's watch and says what leaked, and where. */
export function scan(): readonly Hit[] {
  const hits: Hit[] = [];
  const canaries = [...state.canaries.values()];
  const all = createFinder(canaries);
  const look = (place: string, text: string, find = all): void => {
    totals.places += 1;
    for (const { kind } of find(text)) hits.push({ kind, place });
  };
  if (canaries.length > 0) {
    for (const { place, text } of state.texts) look(place, text);
    for (const value of state.values) for (const [name, text] of renderings(value)) look(name, text);
    for (const [directory, except] of state.directories) scanDirectory(directory, except, look);
    for (const { origin, requests } of state.requestLogs) {
      const foreign = createFinder(canaries.filter(({ owners }) => owners !== undefined && !owners.has(origin)));
      for (const request of requests()) look(`request to ${origin}: ${request.method}`, requestText(request), foreign);
    }
  }
  reset();
  return hits;
}

function reset(): void {
  state.canaries.clear();
  state.values.clear();
  state.directories.clear();
  state.texts.length = 0;
  state.requestLogs.length = 0;
}

function requestText(request: LoggedRequest): string {
  const credentials = Object.values(request.headers)
    .flat()
    .map((value) => Buffer.from(/^Basic (.*)$/i.exec(value ?? '')?.[1] ?? '', 'base64').toString());
  const body = request.body === undefined ? '' : Buffer.from(request.body).toString();
  return [request.url, JSON.stringify(request.headers), ...credentials, body].join('\n');
}

/** The ways in which a program may print a value, by accident. */
function* renderings(value: unknown): Generator<readonly [string, string]> {
  const name = `rendering of ${typeof value} ${(value as object).constructor?.name ?? ''}`;
  const render = function* (how: string, make: () => string): Generator<readonly [string, string]> {
    let text: string;
    try {
      text = make();
    } catch {
      return; // A renderer that throws prints nothing.
    }
    yield [`${name} (${how})`, text];
  };
  const deep = { depth: 20, showHidden: true, getters: true, maxStringLength: 100_000 } as const;
  yield* render('inspect', () => inspect(value, deep));
  yield* render('inspect without custom', () => inspect(value, { ...deep, customInspect: false }));
  yield* render('JSON', () => JSON.stringify(value) ?? '');
  yield* render('format', () => format('%s %o %O %j', value, value, value, value));
  yield* render('spread', () => inspect({ ...(value as object) }, { ...deep, customInspect: false }));
  yield* render('structured clone', () => inspect(structuredClone(value), deep));
  if (value instanceof Error) {
    yield* render('message', () => `${value.message}\n${value.stack ?? ''}\n${inspect(value.cause, deep)}`);
  }
}

function scanDirectory(
  directory: string,
  except: ReadonlySet<string>,
  look: (place: string, text: string) => void,
): void {
  let names: string[];
  try {
    names = readdirSync(directory, { recursive: true }) as string[];
  } catch {
    return; // The test removed it.
  }
  for (const name of names) {
    const path = join(directory, name);
    if (except.has(path)) continue;
    look(`file name ${path}`, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isFile() && stat.size < 4 * 1024 * 1024) look(`file ${path}`, readFileSync(path, 'latin1'));
  }
}
