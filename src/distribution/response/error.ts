import type { Clock } from '../../clock/index.js';
import type { Credential } from '../../docker-config/index.js';
import { type RegistryDiagnostic, RegistryError } from '../../errors/index.js';
import { encodeBase64, encodeUtf8, type JsonNode, printable, readJson } from '../../internal/index.js';
import { readWhatComes } from '../transport/read-body.js';
import type { FollowedResponse, TransportRequest, TransportResponse } from '../transport/transport.js';
import { isRetryableStatus, retryAfterMs } from '../transport/retry.js';

const MAX_BODY = 8 * 1024;
const MAX_WAIT_MS = 1000;
const MAX_SHOWN = 512;
const MAX_DIAGNOSTICS = 8;

/**
 * Makes an error of an answer that is not the wanted one. The body is read up to 8 KiB or for a second, and given up.
 *
 * What the server may have got as a secret is masked in it, in every form in which it was sent.
 *
 * @throws the signal's reason when the request was aborted meanwhile
 */
export async function responseError(
  { request, response, shown }: FollowedResponse,
  { clock, credential }: { readonly clock: Clock; readonly credential: Credential | undefined },
): Promise<RegistryError> {
  const body = await readErrorBody(response, clock);
  request.signal?.throwIfAborted();
  const mask = masker(secretsOf(credential, request));
  const diagnostics = readDiagnostics(body).map(({ code, message }) => ({
    code: printable(mask(code), 64),
    message: printable(mask(message), MAX_SHOWN),
  }));
  const details = diagnostics.map(({ code, message }) => (message === '' ? code : `${code}: ${message}`)).join(', ');
  const { status } = response;
  const { method } = request;
  return new RegistryError(`Cannot ${method} ${shown}: ${status}${details === '' ? '' : ` (${details})`}`, {
    method,
    url: shown,
    status,
    retryable: isRetryableStatus(status),
    retryAfterMs: retryAfterMs(response, clock),
    diagnostics,
  });
}

/** An error's text is worth a second at most; the status says enough. */
async function readErrorBody(response: TransportResponse, clock: Clock): Promise<Uint8Array> {
  const read = new AbortController();
  try {
    const overdue = clock.sleep(MAX_WAIT_MS, { signal: read.signal }).then(
      () => response.discard(),
      () => undefined,
    );
    return await readWhatComes(response, MAX_BODY, overdue);
  } finally {
    read.abort();
    await response.discard();
  }
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

function secretsOf(credential: Credential | undefined, { headers }: TransportRequest): readonly string[] {
  const secrets = [credential?.password, credential?.identityToken, credential?.registryToken];
  const sent = headers['authorization'] ?? '';
  return [...secrets.map((secret) => secret?.reveal() ?? ''), sent.slice(sent.indexOf(' ') + 1)];
}

function masker(secrets: readonly string[]): (text: string) => string {
  const forms = secrets
    .filter((secret) => secret.length > 3)
    .flatMap(formsOf)
    .toSorted((a, b) => b.length - a.length);
  return (text) => forms.reduce((masked, form) => masked.replaceAll(form, '[redacted]'), text);
}

function formsOf(secret: string): readonly string[] {
  const base64 = encodeBase64(encodeUtf8(secret)).replaceAll('=', '');
  return [
    secret,
    base64,
    base64.replaceAll('+', '-').replaceAll('/', '_'),
    encodeURIComponent(secret.replace(/\p{Cs}/gu, '')),
    new URLSearchParams({ '': secret }).toString().slice(1),
    JSON.stringify(secret).slice(1, -1),
  ];
}
