import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestRefusedError } from 'kubepull/errors';
import { classifyAddress, type RealmPolicy } from 'kubepull/distribution';
import {
  admitForeign,
  admitRealm,
  admitRedirect,
  admitUpload,
  type RedirectFrom,
  type RegistryPeer,
} from '../../../src/distribution/policy/url-policy.ts';
import { anyText } from '../../support/any-text.ts';
import { canary } from '../../support/canary.ts';

const PUBLIC: RegistryPeer = { origin: 'https://registry.example.com', address: '93.184.216.34' };
const UNKNOWN: RegistryPeer = { origin: 'https://registry.example.com', address: undefined };
const UNKNOWN_OTHER: RegistryPeer = { origin: 'https://evil.example.com', address: undefined };
const PRIVATE: RegistryPeer = { origin: 'https://harbor.corp.example', address: '10.1.2.3' };
const LOOPBACK: RegistryPeer = { origin: 'http://127.0.0.1:5000', address: '127.0.0.1' };

function ruleOf(admit: () => unknown): string {
  try {
    admit();
    return 'admitted';
  } catch (error) {
    if (error instanceof RequestRefusedError) return error.rule;
    throw error;
  }
}

describe('admitRealm', () => {
  it.each([
    // The registry's own origin is always right, also on an inner network.
    ['https://registry.example.com/token', PUBLIC, 'admitted'],
    ['https://registry.example.com:443/token', PUBLIC, 'admitted'],
    ['https://harbor.corp.example/service/token', PRIVATE, 'admitted'],
    ['http://127.0.0.1:5000/token', LOOPBACK, 'admitted'],
    // Another public one over TLS: Docker Hub and GitLab have theirs elsewhere.
    ['https://auth.docker.io/token', PUBLIC, 'admitted'],
    ['https://gitlab.example.com/jwt/auth', PUBLIC, 'admitted'],
    ['https://8.8.8.8/token', PUBLIC, 'admitted'],
    ['http://auth.example.com/token', PUBLIC, 'scheme-downgrade'],
    ['http://registry.example.com/token', PUBLIC, 'scheme-downgrade'],
    ['ftp://auth.example.com/token', PUBLIC, 'scheme'],
    ['file:///etc/passwd', PUBLIC, 'scheme'],
    ['javascript:alert(1)', PUBLIC, 'scheme'],
    ['data:,x', PUBLIC, 'scheme'],
    ['', PUBLIC, 'invalid-url'],
    ['token', PUBLIC, 'invalid-url'],
    ['//auth.example.com/token', PUBLIC, 'invalid-url'],
    ['https://', PUBLIC, 'invalid-url'],
    ['https://user@auth.example.com/', PUBLIC, 'user-info'],
    ['https://user:pass@auth.example.com/', PUBLIC, 'user-info'],
    ['https://:pass@auth.example.com/', PUBLIC, 'user-info'],
    ['https://127.0.0.1%2f@evil.example/', PUBLIC, 'user-info'],
    ['https://auth.example.com/#x', PUBLIC, 'fragment'],
    [`https://auth.example.com/${'x'.repeat(2048)}`, PUBLIC, 'too-long'],
    // Literal addresses of inner networks, however they are written.
    ['https://127.0.0.1/token', PUBLIC, 'loopback-address'],
    ['https://127.1/token', PUBLIC, 'loopback-address'],
    ['https://2130706433/token', PUBLIC, 'loopback-address'],
    ['https://0x7f000001/token', PUBLIC, 'loopback-address'],
    ['https://0177.0.0.1/token', PUBLIC, 'loopback-address'],
    ['https://127.0.0.1./token', PUBLIC, 'loopback-address'],
    ['https://127。0。0。1/token', PUBLIC, 'invalid-url'],
    ['https://auth.exa\tmple.com/token', PUBLIC, 'invalid-url'],
    ['https://auth.example.com/\u0000', PUBLIC, 'invalid-url'],
    ['https://auth.example.com/ä', PUBLIC, 'invalid-url'],
    ['https://[fe80::1%eth0]/', PUBLIC, 'invalid-url'],
    ['https://[fd20:ce::254]/computeMetadata', PRIVATE, 'metadata-address'],
    ['https://[fd00:ec2::23]/v1/credentials', PRIVATE, 'metadata-address'],
    ['https://168.63.129.16/', PUBLIC, 'metadata-address'],
    ['https://[64:ff9b:1::a9fe:a9fe]/', PUBLIC, 'reserved-address'],
    ['https://[2001:0:5ef5:79fd::1]/', PUBLIC, 'reserved-address'],
    ['https://[::1]/token', PUBLIC, 'loopback-address'],
    ['https://[::ffff:127.0.0.1]/token', PUBLIC, 'loopback-address'],
    ['https://[64:ff9b::7f00:1]/token', PUBLIC, 'loopback-address'],
    ['https://[2002:7f00:1::]/token', PUBLIC, 'loopback-address'],
    ['https://10.0.0.1/token', PUBLIC, 'private-address'],
    ['https://192.168.0.1/token', PUBLIC, 'private-address'],
    ['https://172.16.5.4/token', PUBLIC, 'private-address'],
    ['https://100.64.0.1/token', PUBLIC, 'private-address'],
    ['https://[fd00::1]/token', PUBLIC, 'private-address'],
    ['https://169.254.169.254/latest/meta-data', PUBLIC, 'metadata-address'],
    ['https://[fd00:ec2::254]/latest', PUBLIC, 'metadata-address'],
    ['https://[::ffff:a9fe:a9fe]/', PUBLIC, 'metadata-address'],
    ['https://100.100.100.200/', PUBLIC, 'metadata-address'],
    ['https://169.254.1.1/', PUBLIC, 'link-local-address'],
    ['https://[fe80::1]/', PUBLIC, 'link-local-address'],
    ['https://0.0.0.0/', PUBLIC, 'reserved-address'],
    ['https://[::]/', PUBLIC, 'reserved-address'],
    ['https://224.0.0.1/', PUBLIC, 'reserved-address'],
    ['https://255.255.255.255/', PUBLIC, 'reserved-address'],
    // A registry on an inner network may have its token server there, but not on the node itself.
    ['https://10.9.9.9/token', PRIVATE, 'admitted'],
    ['https://192.168.1.1/token', PRIVATE, 'admitted'],
    ['https://127.0.0.1/token', PRIVATE, 'loopback-address'],
    ['https://169.254.169.254/', PRIVATE, 'metadata-address'],
    ['https://10.9.9.9/token', UNKNOWN, 'private-address'],
    ['http://127.0.0.1:5001/token', LOOPBACK, 'admitted'],
    ['http://[::1]:5001/token', LOOPBACK, 'admitted'],
    ['http://10.0.0.1/token', LOOPBACK, 'private-address'],
    ['http://169.254.169.254/', LOOPBACK, 'metadata-address'],
    ['https://auth.example.com/token', LOOPBACK, 'admitted'],
  ])('%s for %o: %s [A07]', (realm, registry, rule) => {
    expect(ruleOf(() => admitRealm(realm, registry))).toBe(rule);
  });

  it('says which addresses a name may turn out to have [A08]', () => {
    expect(admitRealm('https://auth.example.com/t', PUBLIC).allowAddresses).toEqual(['public']);
    expect(admitRealm('https://auth.corp.example/t', PRIVATE).allowAddresses).toEqual(['public', 'private']);
    expect(admitRealm('http://auth.test/t', LOOPBACK).allowAddresses).toEqual(['public', 'loopback']);
    const own = 'https://harbor.corp.example/t';
    expect(admitRealm(own, PRIVATE)).toEqual({ url: new URL(own), allowAddresses: undefined });
  });

  it('goes no further than the policy says [A07]', () => {
    const rule = (policy: RealmPolicy, realm: string): string => ruleOf(() => admitRealm(realm, PUBLIC, policy));
    expect(rule('same-origin', 'https://registry.example.com/token')).toBe('admitted');
    expect(rule('same-origin', 'https://auth.example.com/token')).toBe('foreign-realm');
    expect(rule(() => 'same-origin', 'https://auth.example.com/token')).toBe('foreign-realm');
    expect(rule(() => 'guarded', 'https://10.0.0.1/token')).toBe('private-address');
  });

  it('trusts a realm for the registry that it is trusted for, and no other [A07]', () => {
    const asked: (readonly string[])[] = [];
    const policy: RealmPolicy = (registry, realm) => {
      asked.push([registry, realm]);
      return registry === PUBLIC.origin && realm === 'https://10.0.0.1/token' ? 'trusted' : 'guarded';
    };
    const realm = 'https://10.0.0.1/token?sig=x';
    expect(admitRealm(realm, PUBLIC, policy)).toEqual({ url: new URL(realm), allowAddresses: undefined });
    expect(ruleOf(() => admitRealm(realm, UNKNOWN_OTHER, policy))).toBe('private-address');
    expect(asked).toEqual([
      [PUBLIC.origin, 'https://10.0.0.1/token'],
      [UNKNOWN_OTHER.origin, 'https://10.0.0.1/token'],
    ]);
    // Not even that lets a password travel without TLS.
    expect(ruleOf(() => admitRealm('http://10.0.0.1/token', PUBLIC, () => 'trusted'))).toBe('scheme-downgrade');
  });

  it('admits public addresses and those of the registry’s own network, and no others [A07]', () => {
    const host = fc.oneof(
      fc.ipV4(),
      fc.ipV4().map((address) => `[::ffff:${address}]`),
      fc.ipV6().map((address) => `[${address}]`),
    );
    fc.assert(
      fc.property(host, fc.constantFrom(PUBLIC, UNKNOWN, PRIVATE, LOOPBACK), (target, registry) => {
        const realm = `https://${target}/token`;
        const found = classifyAddress(new URL(realm).hostname);
        const own = classifyAddress(registry.address ?? '');
        const near = found === 'public' || ((found === 'private' || found === 'loopback') && found === own);
        expect(ruleOf(() => admitRealm(realm, registry))).toBe(near ? 'admitted' : `${found}-address`);
        if (near) expect(admitRealm(realm, registry).allowAddresses).toContain(found);
      }),
    );
  });

  it('refuses user info wherever it stands [A18]', () => {
    const part = fc.stringMatching(/^[a-z0-9][a-z0-9%.:-]{0,8}$/);
    fc.assert(
      fc.property(part, fc.constantFrom('https://', 'http://'), (user, scheme) => {
        const realm = `${scheme}${user}@registry.example.com/token`;
        expect(['user-info', 'scheme-downgrade', 'invalid-url']).toContain(ruleOf(() => admitRealm(realm, PUBLIC)));
      }),
    );
  });

  it('decides about any text [I8]', () => {
    fc.assert(
      fc.property(fc.oneof(fc.webUrl(), anyText()), (text) => {
        expect(ruleOf(() => admitRealm(text, PUBLIC))).toBeTypeOf('string');
      }),
    );
  });

  it('shows no user info and no query of a refused URL [L05]', () => {
    const error = (() => {
      try {
        return admitRealm('https://user:word@auth.example.com/t?sig=abc', PUBLIC);
      } catch (caught) {
        return caught;
      }
    })();
    expect(error).toBeInstanceOf(RequestRefusedError);
    expect((error as RequestRefusedError).message).toBe(
      'Cannot ask token realm https://auth.example.com/t: it carries user info',
    );
  });
});

describe('admitRedirect', () => {
  const url = 'https://registry.example.com/v2/app/blobs/x';
  const from: RedirectFrom = { url, allowAddresses: undefined, network: 'public' };
  const admit = (location: string, more: Partial<RedirectFrom> = {}) =>
    admitRedirect(location, { ...from, ...more }, PUBLIC.origin);

  it.each([
    ['/v2/other', 'admitted', undefined],
    ['other', 'admitted', undefined],
    ['https://registry.example.com/x', 'admitted', undefined],
    ['https://cdn.example.net/x?sig=1', 'admitted', ['public']],
    ['//cdn.example.net/x', 'admitted', ['public']],
    ['https://registry.example.com:8443/x', 'admitted', ['public']],
    ['http://registry.example.com/x', 'scheme-downgrade', undefined],
    ['http://cdn.example.net/x', 'scheme-downgrade', undefined],
    ['https://u:p@cdn.example.net/x', 'user-info', undefined],
    ['https://u@registry.example.com/x', 'user-info', undefined],
    ['https://127.0.0.1%2f@evil.example/x', 'user-info', undefined],
    ['https://169.254.169.254/x', 'metadata-address', undefined],
    ['https://[::ffff:169.254.169.254]/x', 'metadata-address', undefined],
    ['https://10.0.0.1/x', 'private-address', undefined],
    ['https://127.1/x', 'loopback-address', undefined],
    ['file:///etc/passwd', 'scheme', undefined],
    ['data:,x', 'scheme', undefined],
    ['ftp://cdn.example.net/x', 'scheme', undefined],
    ['https://[', 'invalid-url', undefined],
    ['https://cdn.example.net/\u0000', 'invalid-url', undefined],
    ['https://cdn.exa\tmple.net/', 'invalid-url', undefined],
    [`/${'x'.repeat(20_000)}`, 'too-long', undefined],
  ])('%s: %s [A04 A18 B11]', (location, rule, allowAddresses) => {
    expect(ruleOf(() => admit(location))).toBe(rule);
    if (rule === 'admitted') expect(admit(location).allowAddresses).toEqual(allowAddresses);
  });

  it('goes on in the network that the chain is in [A07]', () => {
    expect(admit('https://10.0.0.1/x', { network: 'private' }).allowAddresses).toEqual(['public', 'private']);
    expect(ruleOf(() => admit('https://127.0.0.1/x', { network: 'private' }))).toBe('loopback-address');
    expect(ruleOf(() => admit('https://10.0.0.1/x', { network: undefined }))).toBe('private-address');
    expect(ruleOf(() => admit('https://169.254.1.1/x', { network: 'link-local' }))).toBe('link-local-address');
  });

  it('shows no more of a refused target than where it is [L05]', () => {
    const secret = canary('signed-query');
    for (const [location, shown] of [
      [`http://cdn.example.net/${secret}?sig=${secret}`, 'http://cdn.example.net/…'],
      [`https://u:${secret}@cdn.example.net/`, 'https://cdn.example.net/…'],
      [`data:,${secret}`, 'data:…'],
      [`https://[${secret}`, '<invalid URL>'],
    ] as const) {
      expect(() => admit(location)).toThrow(expect.objectContaining({ url: shown }));
    }
  });
});

describe('a refusal', () => {
  const cure = (option: string): string => `if it is trusted, say so by the option ${option}`;
  const at = (length: number): string =>
    `https://auth.example.com/${'x'.repeat(length - 'https://auth.example.com/'.length)}`;

  it.each([
    [
      '',
      'Cannot get a token for https://registry.example.com: its challenge names no realm, so it is not known who gives one',
    ],
    [at(2049), `Cannot ask token realm ${at(2049).slice(0, 256)}…: it has more than 2048 characters`],
    ['https://a/ä', 'Cannot ask token realm https://a/%C3%A4: it has a character that no URL has'],
    ['token', 'Cannot ask token realm token: it is not a URL'],
    ['https://[x?sig=1#y', 'Cannot ask token realm https://[x: it is not a URL'],
    ['https://user:word@[x?sig=1', 'Cannot ask token realm https://…@[x: it is not a URL'],
    ['//user:word@[x', 'Cannot ask token realm …@[x: it is not a URL'],
    ['//user:half://word@[x', 'Cannot ask token realm …@[x: it is not a URL'],
    ['ftp://a/t', 'Cannot ask token realm ftp://a/t: only http and https are spoken'],
    ['http://a.example/t', 'Cannot ask token realm http://a.example/t: it would leave TLS'],
    ['https://a.example/#x', 'Cannot ask token realm https://a.example/: it has a fragment'],
    ['https://10.0.0.1/t', `Cannot ask token realm https://10.0.0.1/t: its address is private; ${cure('realmPolicy')}`],
  ])('of the realm %j says why', (realm, message) => {
    expect(() => admitRealm(realm, PUBLIC)).toThrow(expect.objectContaining({ message }) as Error);
  });

  it('of a realm elsewhere says what to do, and masks what it is told to', () => {
    const realm = 'https://auth.example.com/word';
    expect(() => admitRealm(realm, PUBLIC, 'same-origin')).toThrow(
      `Cannot ask token realm ${realm}: it is not at the registry itself; ${cure('realmPolicy')}`,
    );
    const mask = (text: string): string => text.replace('word', '[redacted]');
    expect(() => admitRealm(realm, { ...PUBLIC, mask }, 'same-origin')).toThrow(
      'https://auth.example.com/[redacted]: ',
    );
  });

  it('is none at 2,048 characters of a realm and 16 KiB of a redirect', () => {
    expect(ruleOf(() => admitRealm(at(2048), PUBLIC))).toBe('admitted');
    const from: RedirectFrom = { url: PUBLIC.origin, allowAddresses: undefined, network: 'public' };
    expect(ruleOf(() => admitRedirect(at(16 * 1024), from, PUBLIC.origin))).toBe('admitted');
    expect(() => admitRedirect(at(16 * 1024 + 1), from, PUBLIC.origin)).toThrow(
      'Cannot follow redirect <invalid URL>: it has more than 16384 characters',
    );
  });

  it.each([
    ['https://[', 'Cannot follow redirect <invalid URL>: it is not a URL'],
    ['https://a/\u0000', 'Cannot follow redirect https://a/…: it is not a URL'],
    ['ftp://a/t', 'Cannot follow redirect ftp:…: only http and https are spoken'],
    [
      'https://10.0.0.1/t',
      `Cannot follow redirect https://10.0.0.1/…: its address is private; ${cure('redirectPolicy')}`,
    ],
  ])('of the redirect %j says why', (location, message) => {
    const from: RedirectFrom = { url: PUBLIC.origin, allowAddresses: undefined, network: 'public' };
    expect(() => admitRedirect(location, from, PUBLIC.origin)).toThrow(expect.objectContaining({ message }) as Error);
  });
});

describe('a chain of redirects', () => {
  const elsewhere: RedirectFrom = {
    url: 'https://10.0.0.1/a',
    allowAddresses: ['public', 'private'],
    network: 'public',
  };

  it('may lead back to the registry, wherever that stands', () => {
    const { url, allowAddresses } = admitRedirect('https://127.0.0.1:5000/x#y', elsewhere, 'https://127.0.0.1:5000');
    expect([url.href, allowAddresses]).toEqual(['https://127.0.0.1:5000/x', undefined]);
  });

  it('may stay where it was led, with what was allowed there', () => {
    expect(admitRedirect('/b', elsewhere, PUBLIC.origin).allowAddresses).toEqual(['public', 'private']);
    expect(ruleOf(() => admitRedirect('https://10.0.0.2/b', elsewhere, PUBLIC.origin))).toBe('private-address');
  });

  it('leads to private addresses where the policy trusts the pair, and to no metadata', () => {
    const asked: unknown[] = [];
    const policy = (...pair: readonly string[]) => {
      asked.push(pair);
      return 'trusted' as const;
    };
    const from: RedirectFrom = { url: PUBLIC.origin, allowAddresses: undefined, network: 'public' };
    expect(admitRedirect('https://10.0.0.1/x?y', from, PUBLIC.origin, policy).allowAddresses).toEqual([
      'public',
      'private',
      'loopback',
    ]);
    expect(ruleOf(() => admitRedirect('https://169.254.169.254/', from, PUBLIC.origin, policy))).toBe(
      'metadata-address',
    );
    expect(asked[0]).toEqual([PUBLIC.origin, 'https://10.0.0.1']);
  });
});

describe('admitForeign', () => {
  it('admits what a redirect of the registry could lead to, but no relative URL', () => {
    expect(admitForeign('https://cdn.example.net/x', PUBLIC)).toMatchObject({ allowAddresses: ['public'] });
    expect(admitForeign('https://10.0.0.1/x', PRIVATE).allowAddresses).toEqual(['public', 'private']);
    expect(ruleOf(() => admitForeign('https://10.0.0.1/x', PUBLIC))).toBe('private-address');
    expect(ruleOf(() => admitForeign('https://10.0.0.1/x', PUBLIC, () => 'trusted'))).toBe('admitted');
    expect(() => admitForeign('/v2/app', PUBLIC)).toThrow(
      expect.objectContaining({ rule: 'invalid-url', message: 'Cannot fetch <invalid URL>: it is not a URL' }) as Error,
    );
  });
});

describe('admitUpload', () => {
  const from = 'https://registry.example.com/v2/app/blobs/uploads/';

  it('goes on at the origin of the registry, also by a relative address', () => {
    expect(admitUpload('/v2/app/blobs/uploads/1?state=x', from)).toBe(
      'https://registry.example.com/v2/app/blobs/uploads/1?state=x',
    );
    expect(admitUpload('https://registry.example.com:443/up', from)).toBe('https://registry.example.com/up');
  });

  it('goes nowhere else', () => {
    expect(() => admitUpload('https://cdn.example.net/up?sig=1', from)).toThrow(
      expect.objectContaining({
        rule: 'foreign-upload',
        message: 'Cannot upload to https://cdn.example.net/…: it is not at the registry itself',
      }) as Error,
    );
    expect(ruleOf(() => admitUpload('https://10.0.0.1/up', from))).toBe('private-address');
    expect(ruleOf(() => admitUpload('http://registry.example.com/up', from))).toBe('scheme-downgrade');
  });
});
