import { access } from 'node:fs/promises';
import { formatCredentialSource } from '../docker-config/index.js';
import { hideUserInfo, printable, quote } from '../internal/index.js';
import { createNodeRuntime, type OciLayout, openOciLayout } from '../node/index.js';
import { formatPlatform, parsePlatform } from '../platform/index.js';
import {
  formatPreflight,
  formatPreflightTable,
  type ImageCheck,
  type PlannedAttempt,
  preflight,
  type PreflightEvent,
  type PreflightReport,
  type RateLimit,
} from '../preflight/index.js';
import { usageError } from './fault.js';
import { type Found, listRegistries, placeAmong, podOfImage, readInput, refuseDockerConfigs } from './input.js';
import type { CheckedImage, PlannedOutput, PreflightOutput, RateLimitOutput } from './outputs.js';
import { openSources } from './sources.js';
import { type CommandAnswer, type CommandCall, type CommandOutput, EXIT_CODES } from './types.js';

const CLEAR = '\r\u001b[2K';

/** `kubepull preflight`. */
export async function preflightInput({ operands, values, io }: CommandCall): Promise<CommandAnswer> {
  const platforms =
    typeof values['platforms'] === 'string'
      ? values['platforms'].split(',').map((text) => parsePlatform(text))
      : undefined;
  const input = await readInput(operands, io);
  refuseDockerConfigs(input);
  const found = [...input.pods, ...input.images.map(podOfImage)];
  if (found.length === 0) throw usageError('there is no pod, workload or image in the input');
  const { entries, keyring } = await openSources(values, io);
  const objects = found.map(({ object }) => object);
  const store = typeof values['store'] === 'string' ? await openStore(values['store'], io.signal) : undefined;
  const runtime = createNodeRuntime();
  try {
    const report = await preflight(objects, {
      runtime,
      secrets: input.secrets.map(({ object }) => object),
      serviceAccounts: input.accounts.map(({ object }) => object),
      nodeConfig: entries,
      keyring,
      platforms,
      store,
      read: values['head'] === true ? 'digest' : 'manifests',
      network: values['offline'] !== true,
      plainHttp: values['plain-http'] === true ? listRegistries(objects) : [],
      onEvent: progressOn(io.stderr),
      signal: io.signal,
    });
    return {
      exitCode: report.ok ? EXIT_CODES.ok : EXIT_CODES.negative,
      value: toOutput(report, found),
      text: values['table'] === true ? formatPreflightTable(report) : formatPreflight(report),
    };
  } finally {
    if (io.stderr.isTTY === true) io.stderr.write(CLEAR);
    await runtime.close();
    await store?.close();
  }
}

/** A layout that is there: what is only looked at is not made. */
async function openStore(directory: string, signal: AbortSignal | undefined): Promise<OciLayout> {
  await access(`${directory}/oci-layout`).catch(() => {
    throw usageError(`--store ${quote(directory)} is no OCI layout`);
  });
  return openOciLayout(directory, { signal });
}

/** One line that is written over and over, for a person. */
function progressOn(stderr: CommandOutput): ((event: PreflightEvent) => void) | undefined {
  if (stderr.isTTY !== true) return undefined;
  return (event) => {
    if (event.type !== 'checked') return;
    const { check, done, images } = event;
    stderr.write(`${CLEAR}${done} of ${images}: ${printable(hideUserInfo(check.image))} ${check.status}`);
  };
}

function toOutput(report: PreflightReport, found: readonly Found<object>[]): PreflightOutput {
  const { ok, network, pods, failed, totals } = report;
  return {
    command: 'preflight',
    version: 1,
    ok,
    network,
    pods,
    failed,
    images: report.images.map((check) => toImage(check, found)),
    totals: totals.map(({ platform, missingBytes }) => ({ platform: formatPlatform(platform), missingBytes })),
    rateLimits: report.rateLimits.map(toLimit),
  };
}

function toImage(check: ImageCheck, found: readonly Found<object>[]): CheckedImage {
  const { image, name, status, planned, served, attempts, root, available, platforms, failure } = check;
  return {
    image: hideUserInfo(image),
    name: name ?? null,
    status,
    failure:
      failure === undefined
        ? null
        : { cause: failure.cause, title: failure.title, cure: failure.cure, message: failure.message },
    usedBy: check.usedBy.flatMap(({ object, container, kind, path, policy }) => {
      const { of, path: inObject } = placeAmong(found, path);
      // An image that was named by itself has no user.
      return of.place === '' ? [] : [{ object, place: of.place, container, kind, path: inObject, policy }];
    }),
    planned: planned.map(toPlanned),
    served: served === undefined ? null : toPlanned(served),
    attempts: attempts.map((attempt) => ({
      ...toPlanned(attempt),
      cause: attempt.cause,
      code: attempt.error.code,
      message: attempt.error.message,
    })),
    digest: root?.digest ?? null,
    available: available.map((platform) => formatPlatform(platform)),
    platforms: platforms.map(({ platform, manifest, contents, bytes, missing, missingBytes, failure: why }) => ({
      platform: formatPlatform(platform),
      digest: manifest?.digest ?? null,
      contents: contents.length,
      bytes,
      missing: missing.length,
      missingBytes,
      cause: why?.cause ?? null,
    })),
    missingSecrets: check.missingSecrets,
    unknown: check.unknown,
  };
}

function toPlanned({ endpoint, rank, source }: PlannedAttempt): PlannedOutput {
  return { endpoint: endpoint.origin, rank, source: formatCredentialSource(source) };
}

function toLimit({ origin, limit, remaining, windowSeconds }: RateLimit): RateLimitOutput {
  return { origin, limit: limit ?? null, remaining: remaining ?? null, windowSeconds: windowSeconds ?? null };
}
