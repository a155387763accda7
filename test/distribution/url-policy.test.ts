import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestRefusedError } from 'kubepull/errors';
import { admitRealm, admitRedirect, type RegistryPeer } from '../../src/distribution/url-policy.ts';

const PUBLIC: RegistryPeer = { origin: 'https://registry.example.com', address: '93.184.216.34' };
const UNKNOWN: RegistryPeer = { origin: 'https://registry.example.com', address: undefined };
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
    ['https://127。0。0。1/token', PUBLIC, 'loopback-address'],
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
  ])('A07 %s for %o: %s', (realm, registry, rule) => {
    expect(ruleOf(() => admitRealm(realm, registry))).toBe(rule);
  });

  it('A08 says which addresses a name may turn out to have', () => {
    expect(admitRealm('https://auth.example.com/t', PUBLIC).allowAddresses).toEqual(['public']);
    expect(admitRealm('https://auth.corp.example/t', PRIVATE).allowAddresses).toEqual(['public', 'private']);
    expect(admitRealm('http://auth.test/t', LOOPBACK).allowAddresses).toEqual(['public', 'loopback']);
    expect(admitRealm('https://harbor.corp.example/t', PRIVATE).allowAddresses).toBeUndefined();
  });

  it('A07 never admits an address of another class than public or the registry’s own', () => {
    const host = fc.oneof(
      fc.ipV4(),
      fc.ipV6().map((address) => `[${address}]`),
    );
    fc.assert(
      fc.property(host, fc.constantFrom(PUBLIC, PRIVATE, LOOPBACK), (target, registry) => {
        const rule = ruleOf(() => admitRealm(`https://${target}/token`, registry));
        if (rule !== 'admitted') return;
        const { allowAddresses } = admitRealm(`https://${target}/token`, registry);
        expect(allowAddresses).not.toContain('metadata');
        expect(allowAddresses).not.toContain('link-local');
      }),
      { numRuns: 10_000 },
    );
  });

  it('L05 shows no user info and no query of a refused URL', () => {
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
  const from = 'https://registry.example.com/v2/app/blobs/x';

  it.each([
    ['/v2/other', 'admitted', true],
    ['other', 'admitted', true],
    ['https://registry.example.com/x', 'admitted', true],
    ['https://cdn.example.net/x?sig=1', 'admitted', false],
    ['//cdn.example.net/x', 'admitted', false],
    ['https://registry.example.com:8443/x', 'admitted', false],
    ['http://registry.example.com/x', 'scheme-downgrade', false],
    ['http://cdn.example.net/x', 'scheme-downgrade', false],
    ['https://u:p@cdn.example.net/x', 'user-info', false],
    ['https://169.254.169.254/x', 'metadata-address', false],
    ['https://10.0.0.1/x', 'private-address', false],
    ['file:///etc/passwd', 'scheme', false],
    ['data:,x', 'scheme', false],
    ['https://[', 'invalid-url', false],
    [`/${'x'.repeat(20_000)}`, 'too-long', false],
  ])('A04 B11 %s: %s', (location, rule, sameOrigin) => {
    expect(ruleOf(() => admitRedirect(location, from, PUBLIC))).toBe(rule);
    if (rule === 'admitted') expect(admitRedirect(location, from, PUBLIC).sameOrigin).toBe(sameOrigin);
  });
});
