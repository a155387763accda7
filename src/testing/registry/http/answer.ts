/** What the registry is about to send; faults may change it first. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Uint8Array;
  /** Where the body starts in the content that it is a part of. */
  readonly offset: number;
  /** That content; of an answer that is no part, the body. */
  readonly content: Uint8Array;
}

/** The codes of the OCI distribution spec that this registry uses. */
export type OciErrorCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'PAGINATION_NUMBER_INVALID'
  | 'RANGE_INVALID'
  | 'SIZE_INVALID'
  | 'UNAUTHORIZED'
  | 'UNSUPPORTED';

/** An answer with all of its content. */
export function bytesAnswer(status: number, body: Uint8Array, headers: Answer['headers']): Answer {
  return { status, headers: { 'content-length': String(body.length), ...headers }, body, offset: 0, content: body };
}

/** A 206 with the bytes from `start` to before `end`. */
export function partAnswer(content: Uint8Array, start: number, end: number, headers: Answer['headers']): Answer {
  const range = { 'content-range': `bytes ${start}-${end - 1}/${content.length}` };
  return { ...bytesAnswer(206, content.subarray(start, end), { ...headers, ...range }), offset: start, content };
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
