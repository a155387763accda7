import type { Clock } from '../clock/index.js';
import { type RegistryDiagnostic, RegistryError } from '../errors/index.js';
import { encodeBase64, encodeUtf8, printable, readJson, type JsonNode, redactUrl } from '../internal/index.js';
import { readUpTo } from './read-body.js';
import { isRetryableStatus, retryAfterMs } from './retry.js';
import type { TransportResponse } from './transport.js';

const MAX_BODY = 8 * 1024;
const MAX_SHOWN = 512;
const MAX_DIAGNOSTICS = 8;

/**
 * Makes an error of an answer that is not the wanted one. The body is read up to 8 KiB and given up.
 *
 * @param secrets - what a server could reflect; masked in every form in which it was sent
 */
export async function responseError(
  method: string,
  url: string,
  response: TransportResponse,
  { clock, secrets }: { readonly clock: Clock; readonly secrets: ReadonlySet<string> },
): Promise<RegistryError> {
  const body = await readUpTo(response, MAX_BODY).catch(() => new Uint8Array());
  const mask = masker(secrets);
  const diagnostics = readDiagnostics(body).map(({ code, message }) => ({
    code: printable(mask(code), 64),
    message: printable(mask(message), MAX_SHOWN),
  }));
  const shown = redactUrl(url);
  const details = diagnostics.map(({ code, message }) => (message === '' ? code : `${code}: ${message}`)).join(', ');
  const { status } = response;
  return new RegistryError(`Cannot ${method} ${shown}: ${status}${details === '' ? '' : ` (${details})`}`, {
    method,
    url: shown,
    status,
    retryable: isRetryableStatus(status),
    retryAfterMs: retryAfterMs(response, clock),
    diagnostics,
  });
}

function readDiagnostics(body: Uint8Array): readonly RegistryDiagnostic[] {
  const parsed = readJson(body);
  if (!parsed.ok) return [];
  const errors = member(parsed.node, 'errors');
  if (errors?.kind !== 'array') return [];
  return errors.items.slice(0, MAX_DIAGNOSTICS).map((item) => ({
    code: textOf(member(item, 'code')) || 'UNKNOWN',
    message: textOf(member(item, 'message')),
  }));
}

function member(node: JsonNode, key: string): JsonNode | undefined {
  return node.kind === 'object' ? node.members.find((entry) => entry.key === key)?.value : undefined;
}

function textOf(node: JsonNode | undefined): string {
  return node?.kind === 'string' ? node.value : '';
}

function masker(secrets: ReadonlySet<string>): (text: string) => string {
  const forms = [...secrets]
    .filter((secret) => secret.length > 3)
    .flatMap((secret) => [
      secret,
      encodeBase64(encodeUtf8(secret)),
      encodeURIComponent(secret.replace(/\p{Cs}/gu, '')),
      JSON.stringify(secret).slice(1, -1),
    ])
    .toSorted((a, b) => b.length - a.length);
  return (text) => forms.reduce((masked, form) => masked.replaceAll(form, '[redacted]'), text);
}
