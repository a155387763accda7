import { type StatusObject, status } from '@grpc/grpc-js';

const NAMES: ReadonlyMap<number, string> = /* @__PURE__ */ new Map([
  [status.CANCELLED, 'Canceled'],
  [status.UNKNOWN, 'Unknown'],
  [status.INVALID_ARGUMENT, 'InvalidArgument'],
  [status.DEADLINE_EXCEEDED, 'DeadlineExceeded'],
  [status.NOT_FOUND, 'NotFound'],
  [status.ALREADY_EXISTS, 'AlreadyExists'],
  [status.PERMISSION_DENIED, 'PermissionDenied'],
  [status.RESOURCE_EXHAUSTED, 'ResourceExhausted'],
  [status.FAILED_PRECONDITION, 'FailedPrecondition'],
  [status.ABORTED, 'Aborted'],
  [status.OUT_OF_RANGE, 'OutOfRange'],
  [status.UNIMPLEMENTED, 'Unimplemented'],
  [status.INTERNAL, 'Internal'],
  [status.UNAVAILABLE, 'Unavailable'],
  [status.DATA_LOSS, 'DataLoss'],
  [status.UNAUTHENTICATED, 'Unauthenticated'],
]);

/** What Go says for the system's refusals to connect. */
const DIAL_ERRORS: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ['ENOENT', 'no such file or directory'],
  ['ECONNREFUSED', 'connection refused'],
  ['EACCES', 'permission denied'],
  ['ENOTSOCK', 'socket operation on non-socket'],
]);

/** Go's name of a status code, such as `NotFound`. */
export function goCodeName(code: number): string {
  return NAMES.get(code) ?? `Code(${code})`;
}

/** The text of a status as Go prints its error, which is what kubelet puts into events. */
export function goStatusText(code: number, description: string): string {
  return `rpc error: code = ${goCodeName(code)} desc = ${description}`;
}

/**
 * The description that Go's gRPC gives where this one made up its own: a runtime that cannot be reached or goes away, a
 * deadline, a message too large. What the runtime itself says is left as it is.
 */
export function goDescription({ code, details }: Pick<StatusObject, 'code' | 'details'>, socketPath: string): string {
  switch (code) {
    case status.DEADLINE_EXCEEDED:
      return details.startsWith('Deadline exceeded') ? 'context deadline exceeded' : details;
    case status.RESOURCE_EXHAUSTED:
      return details.replace(/^Received message larger than max/, 'grpc: received message larger than max');
    case status.UNAVAILABLE:
      return unavailable(details, socketPath);
    default:
      return details;
  }
}

function unavailable(details: string, socketPath: string): string {
  if (/^(Connection dropped|read ECONNRESET)/.test(details)) return 'error reading from server: EOF';
  const [, errno = ''] = /^No connection established\b.*\bconnect (E[A-Z]+)/s.exec(details) ?? [];
  const reason = DIAL_ERRORS.get(errno);
  if (reason === undefined) return details;
  return `connection error: desc = "transport: Error while dialing: dial unix ${socketPath}: connect: ${reason}"`;
}
