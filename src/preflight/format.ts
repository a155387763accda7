import { formatCredentialSource } from '../docker-config/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { hideUserInfo, printable } from '../internal/index.js';
import { formatPlatform } from '../platform/index.js';
import type {
  ImageCheck,
  ImageUse,
  PlannedAttempt,
  PlatformCheck,
  PreflightFailure,
  PreflightReport,
  RateLimit,
  UnknownFact,
} from './types.js';

const REPORT = /* @__PURE__ */ is.shape(
  { images: /* @__PURE__ */ is.listOf(is.object), totals: /* @__PURE__ */ is.listOf(is.object) },
  'what preflight() gives',
);
/** Users and attempts that a text names of one image. */
const MAX_NAMED = 5;
const MAX_MESSAGE = 1024;

/**
 * A report as text fit for a ticket: what failed first, with cause and cure, then all that went well. It holds no secret.
 *
 * @param report - what `preflight` gave
 * @returns several lines, without a line break at the end
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for what is no report
 * @example
 * ```ts
 * import { formatPreflight, type PreflightReport } from 'kubepull/preflight';
 *
 * declare const report: PreflightReport;
 * console.log(formatPreflight(report));
 * ```
 * @public
 */
export function formatPreflight(report: PreflightReport): string {
  check('Cannot format a preflight', { report }, { report: REPORT });
  const { images } = report;
  const rank = ({ status }: ImageCheck): number => ['failed', 'unknown', 'ok'].indexOf(status);
  const sorted = images.toSorted((a, b) => rank(a) - rank(b));
  return [summaryOf(report), ...sorted.map((image) => describeImage(image).join('\n'))].join('\n\n');
}

/**
 * A report as a table: a line for each image, with the cause of its failure or what there is to fetch.
 *
 * @param report - what `preflight` gave
 * @returns the lines, the first with the names of the columns, without a line break at the end
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for what is no report
 * @example
 * ```ts
 * import { formatPreflightTable, type PreflightReport } from 'kubepull/preflight';
 *
 * declare const report: PreflightReport;
 * console.log(formatPreflightTable(report));
 * ```
 * @public
 */
export function formatPreflightTable(report: PreflightReport): string {
  check('Cannot format a preflight', { report }, { report: REPORT });
  const rows = [['IMAGE', 'STATUS', 'CAUSE', 'CREDENTIAL', 'PLATFORMS', 'TO FETCH'], ...report.images.map(rowOf)];
  const widths = rows.reduce<readonly number[]>(
    (most, row) => row.map((cell, at) => Math.max(most[at] ?? 0, cell.length)),
    [],
  );
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function rowOf({ image, status, failure, served, platforms }: ImageCheck): readonly string[] {
  const credential = served === undefined ? '-' : `${served.rank} ${formatCredentialSource(served.source)}`;
  const there = platforms.filter((found) => found.failure === undefined);
  const names = there.map(({ platform }) => printable(formatPlatform(platform)));
  const bytes = there.map(({ missingBytes }) => size(missingBytes));
  return [shown(image), status, failure?.cause ?? '-', credential, names.join() || '-', bytes.join() || '-'];
}

function summaryOf({ images, pods, failed, network, totals, rateLimits }: PreflightReport): string {
  const open = images.filter(({ status }) => status === 'unknown').length;
  const counts = [`${images.length} images of ${pods} pods`, `${failed} cannot be pulled`];
  if (open > 0) counts.push(`${open} not known`);
  return [
    `${counts.join(', ')}${network ? '' : ' (no registry was asked)'}`,
    ...(network
      ? totals.map(({ platform, missingBytes }) => `to fetch for ${formatPlatform(platform)}: ${size(missingBytes)}`)
      : []),
    ...rateLimits.map(describeLimit),
  ].join('\n');
}

function describeImage(check: ImageCheck): readonly string[] {
  const { image, status, failure, usedBy, served, attempts, root, missingSecrets, platforms, planned, unknown } = check;
  const lines = [`${shown(image)}: ${failure === undefined ? status : `failed (${failure.cause})`}`];
  if (failure !== undefined) for (const line of describeFailure(failure)) lines.push(line);
  if (usedBy.length > 0) lines.push(`  used by ${nameSome(usedBy.map(describeUse))}`);
  if (missingSecrets.length > 0) lines.push(`  secrets that are not there: ${printable(missingSecrets.join(', '))}`);
  if (served !== undefined) lines.push(`  given out by ${describeAttempt(served)}`);
  for (const attempt of attempts.slice(0, MAX_NAMED)) {
    lines.push(`  tried in vain: ${describeAttempt(attempt)} (${attempt.cause})`);
  }
  if (attempts.length > MAX_NAMED) lines.push(`  and ${attempts.length - MAX_NAMED} attempts more`);
  if (root !== undefined) lines.push(`  digest ${root.digest}`);
  for (const found of platforms) lines.push(`  ${describePlatform(found)}`);
  if (check.available.length > 0) lines.push(`  its index names ${nameSome(check.available.map(formatPlatform))}`);
  if (served === undefined && attempts.length === 0) {
    for (const attempt of planned) lines.push(`  would be tried: ${describeAttempt(attempt)}`);
  }
  if (unknown.length > 0) lines.push(`  not known: ${unknown.map((fact) => UNKNOWN[fact]).join(', ')}`);
  return lines;
}

const UNKNOWN: Readonly<Record<UnknownFact, string>> = {
  reachable: 'whether the registry answers',
  authorized: 'whether it takes a credential',
  digest: 'what the tag means now',
  platforms: 'which platforms it is for, which is in its config',
  bytes: 'how much there is to fetch',
  'rate-limit': 'what is left of a rate limit',
  present: 'whether the node has it',
};

function describeFailure({ title, cure, message }: PreflightFailure): readonly string[] {
  return [`  ${title}`, `  cure: ${cure}`, `  said: ${printable(message, MAX_MESSAGE)}`];
}

function describeUse({ object, container }: ImageUse): string {
  return printable(`${object}, ${container}`);
}

function describeAttempt({ endpoint, rank, source }: PlannedAttempt): string {
  const who =
    source.kind === 'anonymous' ? 'nobody in particular' : `credential ${rank}, ${formatCredentialSource(source)}`;
  return `${endpoint.origin} as ${who}`;
}

function describePlatform({ platform, contents, bytes, missing, missingBytes, failure }: PlatformCheck): string {
  const name = printable(formatPlatform(platform));
  if (failure !== undefined) return `${name}: ${failure.cause}`;
  return `${name}: ${contents.length} parts, ${size(bytes)}; to fetch ${missing.length}, ${size(missingBytes)}`;
}

function describeLimit({ origin, limit, remaining, windowSeconds }: RateLimit): string {
  const of = limit === undefined ? '' : ` of ${limit}`;
  const window = windowSeconds === undefined ? '' : ` in ${Math.round(windowSeconds / 360) / 10} hours`;
  return `left at ${origin}: ${remaining ?? '?'}${of} pulls${window}`;
}

function nameSome(names: readonly string[]): string {
  const rest = names.length - MAX_NAMED;
  return `${names.slice(0, MAX_NAMED).join('; ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

function shown(image: string): string {
  return printable(hideUserInfo(image));
}

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB'];

function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const power = Math.min(UNITS.length, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(1)} ${UNITS[power - 1] ?? ''}`;
}
