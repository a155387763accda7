import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { type CredentialSource, printable } from '../internal/index.js';

/**
 * Names the place a credential came from, in a form fit for logs and tickets.
 *
 * @param source - the place
 * @returns such as `secret team-a/creds`, `file /root/.docker/config.json` or `inline`; unprintable characters are
 * escaped
 * @example
 * ```ts
 * import { formatCredentialSource } from 'kubepull/docker-config';
 *
 * formatCredentialSource({ kind: 'secret', namespace: 'team-a', name: 'creds', uid: undefined }); // 'secret team-a/creds'
 * ```
 * @public
 */
export function formatCredentialSource(source: CredentialSource): string {
  checkSource(source);
  switch (source.kind) {
    case 'secret':
      return printable(`secret ${source.namespace}/${source.name}`);
    case 'file':
      return printable(`file ${source.path}`, 4096);
    case 'plugin':
    case 'cloud':
      return printable(`${source.kind} ${source.provider}`);
    case 'helper':
      return printable(`helper ${source.helper}`);
    default:
      return source.kind;
  }
}

export function checkSource(source: CredentialSource): void {
  check('Cannot name a source', { source }, { source: SOURCE });
}

const SOURCE = /* @__PURE__ */ is.shape(
  { kind: /* @__PURE__ */ is.oneOf('secret', 'file', 'plugin', 'cloud', 'helper', 'inline', 'anonymous') },
  'the source of a credential',
);
