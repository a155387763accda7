import { printable } from '../../internal/index.js';
import type { TransportResponse } from './transport.js';

/**
 * What a registry says beside its answer: a warning for people, or how much of a rate limit is left.
 *
 * @public
 */
export type RegistryNotice =
  | {
      readonly kind: 'warning';
      readonly origin: string;
      /** The registry's own words: escaped, at most 512 characters. */
      readonly text: string;
    }
  | {
      readonly kind: 'rate-limit';
      readonly origin: string;
      /** Requests in a window, where the registry tells it. */
      readonly limit: number | undefined;
      readonly remaining: number | undefined;
      /** The window's length. */
      readonly windowSeconds: number | undefined;
    };

/** Notices that are remembered. */
const MAX_TOLD = 100;
const MAX_WARNINGS = 8;
const MAX_SHOWN = 512;
/** What the distribution spec lets a warning take in all. */
const MAX_LENGTH = 4096;

/** Tells each warning once, and what is left of a rate limit whenever it changes. */
export function noticeTeller(
  origin: string,
  onNotice: ((notice: RegistryNotice) => void) | undefined,
): (response: TransportResponse) => void {
  const told = new Set<string>();
  return (response) => {
    if (onNotice === undefined) return;
    for (const notice of readNotices(response, origin)) {
      const text = JSON.stringify(notice);
      if (told.has(text)) continue;
      if (told.size === MAX_TOLD) told.clear();
      told.add(text);
      onNotice(notice);
    }
  };
}

/** Reads the notices of an answer; what is malformed is no notice. */
function readNotices({ headers }: TransportResponse, origin: string): readonly RegistryNotice[] {
  const warnings = (headers.get('warning') ?? []).flatMap(readWarnings).slice(0, MAX_WARNINGS);
  const limit = readLimit(headers.get('ratelimit-limit')?.[0]);
  const remaining = readLimit(headers.get('ratelimit-remaining')?.[0]);
  const notices = warnings.map((text) => ({ kind: 'warning', origin, text: printable(text, MAX_SHOWN) }) as const);
  if (limit === undefined && remaining === undefined) return notices;
  const windowSeconds = limit?.windowSeconds ?? remaining?.windowSeconds;
  return [...notices, { kind: 'rate-limit', origin, limit: limit?.count, remaining: remaining?.count, windowSeconds }];
}

/** `299 - "text"`, as the distribution spec has it; several may stand in one header, and what follows a fault is lost. */
function readWarnings(header: string): readonly string[] {
  const next = /[ \t,]*299 - "((?:[^"\\]|\\.)*)"/y;
  const texts: string[] = [];
  if (header.length > MAX_LENGTH) return texts;
  for (let match = next.exec(header); match !== null; match = next.exec(header)) {
    texts.push((match[1] ?? '').replace(/\\(.)/g, '$1'));
  }
  return texts.filter((text) => text !== '');
}

/** A count, in Docker Hub's form with its window: `100;w=21600`. */
function readLimit(
  header: string | undefined,
): { readonly count: number; readonly windowSeconds: number | undefined } | undefined {
  const match = /^(\d{1,12})(?:[ \t]*;[ \t]*w=(\d{1,9}))?$/.exec(header ?? '');
  if (match === null) return undefined;
  return { count: Number(match[1]), windowSeconds: match[2] === undefined ? undefined : Number(match[2]) };
}
