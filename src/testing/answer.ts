/** What the registry is about to send; faults may change it first. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Uint8Array;
  /** Where the body starts in the content that it is a part of. */
  readonly offset: number;
}

/** The codes of the OCI distribution spec that this registry uses. */
export type OciErrorCode =
  | 'BLOB_UNKNOWN'
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'PAGINATION_NUMBER_INVALID'
  | 'RANGE_INVALID'
  | 'SIZE_INVALID'
  | 'UNAUTHORIZED'
  | 'UNSUPPORTED';

export function bytesAnswer(status: number, body: Uint8Array, headers: Answer['headers'], offset = 0): Answer {
  return { status, headers: { 'content-length': String(body.length), ...headers }, body, offset };
}

export function jsonAnswer(status: number, document: object, headers: Answer['headers'] = {}): Answer {
  const body = new TextEncoder().encode(JSON.stringify(document));
  return bytesAnswer(status, body, { 'content-type': 'application/json', ...headers });
}

/** An error body of the OCI distribution spec. */
export function errorAnswer(
  status: number,
  code: OciErrorCode,
  message: string,
  headers: Answer['headers'] = {},
): Answer {
  return jsonAnswer(status, { errors: [{ code, message }] }, headers);
}
