import { describe, expect, it } from 'vitest';
import { type Challenge, parseChallenges, readManifestBytes } from 'kubepull/distribution';
import { createMemoryTransport } from '../../support/memory-transport.ts';
import { ORIGIN, REALM, connect, credential, isRealm, ref, tokenReply } from '../support.ts';

type Written = readonly [scheme: string, parameters: Readonly<Record<string, string>>];

/** What registries of the field send, and mixtures of it. */
const CHALLENGES: readonly (readonly Written[])[] = [
  [['Bearer', { realm: 'https://auth.docker.io/token', service: 'registry.docker.io', scope: 'repository:a/b:pull' }]],
  [['Bearer', { realm: 'https://ghcr.io/token', service: 'ghcr.io', scope: 'repository:a/b:pull' }]],
  [['Bearer', { realm: 'https://quay.io/v2/auth', service: 'quay.io' }]],
  [['Bearer', { realm: 'https://gitlab.com/jwt/auth', service: 'container_registry', error: 'invalid_token' }]],
  [['Bearer', { realm: 'https://r.azurecr.io/oauth2/token', service: 'r.azurecr.io' }]],
  [['Bearer', { realm: 'https://harbor.corp.example/service/token', service: 'harbor-registry' }]],
  [['Basic', { realm: 'https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/', service: 'ecr.amazonaws.com' }]],
  [['Basic', { realm: 'Registry Realm' }]],
  [['Basic', { realm: 'Sonatype Nexus Repository Manager' }]],
  [['BASIC', { realm: 'Artifactory Realm', charset: 'UTF-8' }]],
  [['Digest', { realm: 'r', qop: 'auth, auth-int', nonce: 'n', opaque: 'o' }]],
  [
    ['Basic', { realm: 'r' }],
    ['Bearer', { realm: 'https://a.example/t', service: 's' }],
  ],
  [
    ['Bearer', { realm: 'https://a.example/t', service: 's' }],
    ['Basic', { realm: 'r' }],
  ],
  [['Basic', { realm: 'a, Bearer realm=https://evil.example' }]],
  [['Basic', { realm: 'Bearer realm="https://evil.example"' }]],
  [['Basic', { realm: '\\' }]],
  [['Basic', { realm: '"' }]],
  [['Basic', { realm: '' }]],
  [['Bearer', { realm: 'https://a.example/t?x=1,2', service: 'a=b' }]],
  [
    ['Bearer', { realm: 'one' }],
    ['Bearer', { realm: 'two' }],
  ],
  [
    ['NTLM', { a: 'b' }],
    ['Negotiate', { c: 'd' }],
    ['Basic', { realm: 'r' }],
  ],
];

const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
const write = (challenge: readonly Written[], pair: (name: string, value: string) => string, comma: string): string[] =>
  challenge.map(([scheme, parameters]) => {
    const written = Object.entries(parameters).map(([name, value]) => pair(name, value));
    return `${scheme} ${written.join(comma)}`;
  });
const plain = (challenge: readonly Written[], comma = ','): string[] =>
  write(challenge, (name, value) => `${name}=${quoted(value)}`, comma);

/** The ways in which the same may be written. */
const SPELLINGS: readonly (readonly [string, (challenge: readonly Written[]) => string | readonly string[]])[] = [
  ['in one header', (challenge) => plain(challenge).join(', ')],
  ['in several headers', (challenge) => plain(challenge)],
  ['without spaces', (challenge) => plain(challenge).join(',')],
  ['with spaces', (challenge) => ` ${plain(challenge, ' , ').join('  ,  ')} `],
  ['with tabs', (challenge) => plain(challenge, '\t,\t').join('\t,\t')],
  ['with empty elements', (challenge) => `, ,${plain(challenge, ',,').join(' ,, ')},`],
  [
    'with spaces around the equals sign',
    (challenge) => write(challenge, (name, value) => `${name} = ${quoted(value)}`, ', ').join(', '),
  ],
  [
    'with names in upper case',
    (challenge) => write(challenge, (name, value) => `${name.toUpperCase()}=${quoted(value)}`, ',').join(','),
  ],
  [
    'with every character escaped',
    (challenge) => write(challenge, (name, value) => `${name}="${value.replaceAll(/./gs, '\\$&')}"`, ', ').join(', '),
  ],
  [
    'with each parameter twice, another value the second time',
    (challenge) => write(challenge, (name, value) => `${name}=${quoted(value)}, ${name}="evil"`, ', ').join(', '),
  ],
];

const shown = (challenges: readonly Challenge[]) =>
  challenges.map(({ scheme, parameters, token68 }) => [scheme, Object.fromEntries(parameters), token68]);

describe('parseChallenges [A15]', () => {
  describe.each(SPELLINGS)('%s', (_, spell) => {
    it.each(CHALLENGES.map((challenge) => [spell(challenge), challenge] as const))('reads %j', (header, challenge) => {
      const expected = challenge.map(([scheme, parameters]) => [scheme.toLowerCase(), parameters, undefined]);
      expect(shown(parseChallenges(header))).toEqual(expected);
    });
  });

  it.each(CHALLENGES.map((challenge) => plain(challenge).join(', ')))(
    'believes nothing behind a cut in %j',
    (header) => {
      const whole = shown(parseChallenges(header));
      for (let end = 0; end < header.length; end += 1) {
        const read = parseChallenges(header.slice(0, end));
        for (const [at, { scheme, parameters }] of read.entries()) {
          const [wholeScheme, wholeParameters = {}] = (whole[at] ?? []) as [string?, Record<string, string>?];
          // The start of a name may look like a scheme; then nothing is known of it.
          expect(scheme === wholeScheme || parameters.size === 0).toBe(true);
          for (const [name, value] of parameters) expect(wholeParameters[name]).toBe(value);
        }
      }
    },
  );
});

/** Values that would change a query, a header or a path if they were pasted into it. */
const HOSTILE: readonly string[] = [
  ...'&=#?/\\%+;:@!$\'()*,[]{}|^~`<> .-_"',
  'a&account=root',
  'a&scope=repository:other:push',
  'a#b',
  '%26scope=x',
  '%0d%0aX-Evil: 1',
  '../../..',
  '//evil.example',
  '"quoted"',
];

describe('parameters of a challenge [A14]', () => {
  it('has forty hostile values', () => {
    expect(HOSTILE.length).toBeGreaterThanOrEqual(40);
  });

  it.each(HOSTILE)('%j stays one value, in the service and in the realm’s own query', async (value) => {
    const service = value.replaceAll(/["\\]/g, '\\$&');
    const realm = `${REALM}?account=${encodeURIComponent(value)}`;
    const server = createMemoryTransport((request) =>
      isRealm(request)
        ? tokenReply('t')
        : {
            status: 401,
            headers: { 'www-authenticate': `Bearer realm="${realm}",service="${service}",scope="${service}"` },
          },
    );
    const { session } = connect(server, { credential: credential() });
    await expect(readManifestBytes(session, ref)).rejects.toMatchObject({
      status: 401,
      url: expect.stringContaining(ORIGIN),
    });
    const asked = new URL(server.requests[1]?.url ?? '');
    expect(asked.origin + asked.pathname).toBe(REALM);
    expect([...asked.searchParams]).toEqual([
      ['account', value],
      ['service', value],
      ['scope', 'repository:team/app:pull'],
    ]);
  });

  it.each(['\u0000', '\r', '\n', '\u007f', '\u0080', 'ä', '€', '😀', '\u2028', '\u202e'])(
    'asks nobody for the sake of %j',
    async (character) => {
      for (const parameters of [
        `realm="${REALM}",service="a${character}"`,
        `realm="${REALM}${character}",service="a"`,
      ]) {
        const server = createMemoryTransport(() => ({
          status: 401,
          headers: { 'www-authenticate': `Bearer ${parameters}` },
        }));
        await expect(readManifestBytes(connect(server).session, ref)).rejects.toMatchObject({
          code: 'ERR_REQUEST_REFUSED',
        });
        expect(server.requests.length).toBe(1);
      }
    },
  );
});
