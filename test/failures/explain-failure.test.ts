import { describe, expect, it } from 'vitest';
import { explainFailure, type FailureExplanation, formatFailure } from 'kubepull/failures';
import { safeParseReference } from 'kubepull/reference';
import { canary } from '../support/canary.ts';
import { growth } from '../support/least.ts';
import { mutationsOf } from './mutations.ts';
import { type KnownText, TEXTS } from './texts.ts';

function seenIn({
  cause,
  runtime,
  image,
  registry,
  host,
  status,
  reason,
}: FailureExplanation): Omit<KnownText, 'text'> {
  const orNull = <T>(value: T | undefined): T | null => value ?? null;
  const parts = {
    image: orNull(image),
    registry: orNull(registry),
    host: orNull(host),
    status: orNull(status),
    reason: orNull(reason),
  };
  return { cause, runtime: orNull(runtime), parts };
}

/** Without the tag: of a text that is cut off the repository alone may be left. */
function nameOf(image: string | number | null | undefined): string | undefined {
  const parsed = safeParseReference(String(image ?? ''));
  return parsed.ok ? parsed.value.name : undefined;
}

/** A lookup tells the name only, and a request the port as well. */
function withoutPort(host: string | number | null | undefined): string | undefined {
  return host?.toString().replace(/:\d+$/, '');
}

describe('explainFailure', () => {
  it('has texts of every cause, of three runtimes and of kubelet', () => {
    expect(TEXTS.length).toBeGreaterThanOrEqual(200);
    expect(new Set(TEXTS.map(({ runtime }) => runtime))).toEqual(new Set(['containerd', 'cri-o', 'docker', null]));
  });

  it.each(TEXTS.map((known) => [known.text.slice(0, 200), known] as const))(
    'finds cause, runtime and parts of: %s',
    (_, { text, cause, runtime, parts }) => {
      expect(seenIn(explainFailure(text))).toEqual({ cause, runtime, parts });
    },
  );

  it('never throws on 10,000 mutations of them, and never names another registry, server or image', () => {
    const wrong: string[] = [];
    let count = 0;
    for (const known of TEXTS) {
      for (const text of mutationsOf(known.text)) {
        count += 1;
        const { image, registry, host } = explainFailure(text);
        // A name that is wrong for its upper case is right in lower case, and is another one then.
        const named = { image: known.cause === 'name' ? undefined : nameOf(image), registry, host: withoutPort(host) };
        const expected = {
          image: nameOf(known.parts.image),
          registry: image === undefined ? (known.asked ?? known.parts.registry) : known.parts.registry,
          host: withoutPort(known.parts.host),
        };
        for (const [key, value] of Object.entries(named)) {
          const right = expected[key as keyof typeof expected];
          // The name of a proxy is looked up, too.
          const isRight = [String(right).toLowerCase(), 'proxy.example.com'].includes(
            value?.toLowerCase() ?? 'proxy.example.com',
          );
          if (!isRight) {
            wrong.push(`${key} ${value}, not ${String(right)}: ${text}`);
          }
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(count).toBeGreaterThanOrEqual(10_000);
  });

  it('finds the cause of a text that is nested in others, escaped or not', () => {
    const { text } = TEXTS.find(({ cause, runtime }) => cause === 'dns' && runtime === 'containerd') as KnownText;
    const once = `failed to "StartContainer" for "web" with ErrImagePull: ${JSON.stringify(text)}`;
    const twice = `E0407 pod_workers.go:1300] "Error syncing pod, skipping" err=${JSON.stringify(once)} pod="shop/web-1"`;
    for (const nested of [once, twice]) {
      expect(explainFailure(nested)).toMatchObject({ cause: 'dns', registry: 'registry.example.com' });
    }
  });

  it.each([
    [
      'an image',
      'Failed to pull image "registry.example.com/no-such-host/forbidden:1": registry.example.com/no-such-host/forbidden:1: not found',
      'tag',
    ],
    [
      'the name of a container',
      'failed to "StartContainer" for "forbidden" with ErrImagePull: "pull QPS exceeded"',
      'throttled',
    ],
    ['an address', 'Head "https://r.example/v2/no-such-host/x509/manifests/1": EOF', 'interrupted'],
    ['a host', 'Get "https://forbidden.example/v2/": dial tcp: lookup forbidden.example: i/o timeout', 'dns'],
  ])('takes no word of %s for a cause', (_, text, cause) => {
    expect(explainFailure(text).cause).toBe(cause);
  });

  it.each([
    'Cannot pull "r.example/app:1": it is denied by the rule "r.example"',
    'Cannot pull "r.example/app:1": it is allowed by no rule',
    'admission webhook "images.example.com" denied the request: image "r.example/app:1" is not allowed',
  ])('knows a refusal by an operator: %s', (text) => {
    expect(explainFailure(text)).toMatchObject({ cause: 'policy', image: 'r.example/app:1', registry: 'r.example' });
  });

  it('names no registry of a short name over CRI-O, which may look for it in several', () => {
    const pull = (inner: string): string | undefined =>
      explainFailure(`Failed to pull image "nexus3": rpc error: code = Unknown desc = ${inner}`).registry;
    const tried = (registry: string): string =>
      `initializing source docker://${registry}/nexus3:latest: reading manifest latest in ${registry}/nexus3: manifest unknown`;
    expect(pull(tried('quay.io/team'))).toBe('quay.io');
    expect(pull(`2 errors: * ${tried('quay.io/team')} * ${tried('docker.io/library')}`)).toBeUndefined();
    expect(pull('short-name resolution enforced but cannot prompt without a TTY')).toBeUndefined();
    expect(pull('Error response from daemon: manifest for nexus3:latest not found')).toBe('docker.io');
  });

  it('takes what a mirror is asked for not for its own', () => {
    const text = 'Head "https://mirror.example.com/v2/team/app/manifests/1?ns=registry.example.com": EOF';
    expect(explainFailure(text)).toMatchObject({ registry: undefined, host: 'mirror.example.com' });
  });

  it('says what was meant by an image that cannot be read', () => {
    const text =
      'Failed to apply default image tag "https://registry.example.com/app:1": couldn\'t parse image name "https://registry.example.com/app:1": invalid reference format';
    expect(explainFailure(text)).toMatchObject({ cause: 'name', suggestion: 'registry.example.com/app:1' });
  });

  it('shows no secret of the text, whole or mutated', () => {
    const [user, password, query] = [canary('username'), canary('password'), canary('signed-query')];
    const texts = [
      `Failed to pull image "https://${user}:${password}@r.example/app:1": invalid reference format`,
      `Failed to apply default image tag "${user}:${password}@r.example/app": couldn't parse image name "${user}:${password}@r.example/app": invalid reference format`,
      `Failed to pull image "r.example/app:1": Head "https://${user}:${password}@r.example/v2/app/manifests/1": EOF`,
      `Head "https://${user}:a/${password}@r.example/v2/app/manifests/1": dial tcp: lookup r.example: no such host`,
      `error pulling image configuration: Get https://cdn.example/data?verify=${query}: EOF`,
      `proxyconnect tcp: parse "http://${user}:${password}@proxy.example:3128": invalid port`,
      `illegal base64 data: {"auths":{"r.example":{"username":"${user}","password":"${password}"}}}`,
      `unauthorized: ${user}:${password} is not known; Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
    ];
    for (const text of texts.flatMap((one) => [one, ...mutationsOf(one)])) {
      const explanation = explainFailure(text);
      const shown = `${JSON.stringify(explanation)} ${formatFailure(explanation)}`.toLowerCase();
      // Of a secret that is cut no part shows either.
      for (const secret of [user, password, query]) expect(shown).not.toContain(secret.slice(0, 12));
    }
  });

  it.each([
    ['backslashes', '\\'],
    ['quotes', '"'],
    ['images without an end', 'image "'],
    ['images', 'image "r.example/a" '],
    ['addresses', 'get https://'],
    ['addresses with an end', 'get https://a/v2/ '],
    ['sources', 'docker://a/b:'],
    ['manifests', 'reading manifest '],
    ['lookups', 'dial tcp: lookup '],
    ['spaces', ' \n'],
    ['user info', 'get https://a:b@'],
  ])('takes linear time on many %s', (_, part) => {
    const text = (length: number): string => part.repeat(Math.ceil(length / part.length));
    const [small, large] = [text(4000), text(64_000)];
    expect(
      growth(
        64,
        () => explainFailure(small),
        () => explainFailure(large),
      ),
    ).toBeLessThan(64);
  });

  it('reads no more than 65,536 characters', () => {
    expect(explainFailure(`${'x'.repeat(65_536)}no such host`).cause).toBe('unknown');
  });
});

describe('formatFailure', () => {
  it('gives cause, parts and cure, fit for a ticket', () => {
    const { text } = TEXTS.find(({ cause, runtime }) => cause === 'dns' && runtime === 'containerd') as KnownText;
    expect(formatFailure(explainFailure(text))).toBe(
      [
        'cause: dns, by the words "no such host": The name of the server does not resolve on the node',
        '  image registry.example.com/team/web:1.4, registry registry.example.com, reason ErrImagePull, runtime containerd',
        'cure: Correct the name, or the DNS servers of the node: it does not use those of the pods',
      ].join('\n'),
    );
  });

  it('leaves out what the text does not say', () => {
    expect(formatFailure(explainFailure('any')).split('\n')).toHaveLength(2);
  });
});
