// Readers of what a server says in its headers, and of where it leads to.
import { parseDigest } from 'kubepull/digest';
import { parseChallenges } from 'kubepull/distribution';
import { admitForeign, admitRealm, admitRedirect, admitUpload } from '../../../src/distribution/policy/url-policy.ts';
import { takePart } from '../../../src/distribution/pull/blobs.ts';
import { nextLink } from '../../../src/distribution/pull/pages.ts';
import { classifyAddress } from '../../../src/distribution/transport/address.ts';
import { responseError } from '../../../src/distribution/response/response.ts';
import { retryAfterMs } from '../../../src/distribution/transport/retry.ts';
import { createMask } from '../../../src/internal/index.ts';
import { ANSWER_INVALID, HEAD_TOO_LONG, findHeadEnd, parseHead } from '../../../src/node/transport/answer-head.ts';
import { attempt, bytesOf, law, sameLaw, SECRET, type Target } from './target.ts';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
const challenge: Target = {
  name: 'challenge',
  words: [
    'Bearer ',
    'Basic ',
    'realm="https://a.example/t"',
    'service=',
    'scope="repository:a:pull"',
    ', ',
    ';',
    '\\"',
    '=',
  ],
  run(input) {
    const challenges = parseChallenges(input);
    law(challenges.length <= 8, 'no more than 8 challenges');
    for (const { scheme, parameters, token68 } of challenges) {
      law(/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(scheme), 'a scheme is a token in lower case');
      law(parameters.size <= 33, 'no more than 32 parameters');
      law(token68 === undefined || parameters.size === 0, 'a challenge has a value or parameters');
    }
    const text = challenges.map(writeChallenge).join(', ');
    if (text.length <= 16_384)
      sameLaw(parseChallenges(text), challenges, 'challenges that are written read as themselves');
    sameLaw(parseChallenges([input]), challenges, 'one header is a list of one');
    return challenges.length;
  },
};

function writeChallenge({ scheme, parameters, token68 }: ReturnType<typeof parseChallenges>[number]): string {
  const quoted = [...parameters].map(([name, value]) => `${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`);
  return [scheme, ...(token68 === undefined ? [] : [token68]), ...(quoted.length > 0 ? [quoted.join(',')] : [])].join(
    ' ',
  );
}

const ORIGINS = ['https://registry.example.com', 'http://127.0.0.1:5000', 'https://10.0.0.5', 'http://r.example'];

const url: Target = {
  name: 'url',
  words: [
    'https://',
    'http://',
    '//',
    '@',
    ':443',
    '127.0.0.1',
    '169.254.169.254',
    '[::ffff:10.0.0.1]',
    '0x7f.1',
    '?',
    '#',
    '%00',
  ],
  run(input, hear) {
    const address = classifyAddress(input);
    return ORIGINS.map((origin, at) => {
      const peer = { origin, address: undefined };
      const isTls = origin.startsWith('https:');
      const from = { url: `${origin}/v2/a/blobs/x`, allowAddresses: undefined, network: undefined };
      const results = [
        attempt(hear, () => admitRealm(input, peer)),
        attempt(hear, () => admitRedirect(input, from, origin)),
        attempt(hear, () => admitForeign(input, peer)),
      ];
      for (const { value } of results) {
        if (value === undefined) continue;
        law(/^https?:$/.test(value.url.protocol), 'only http and https are spoken');
        law(!isTls || value.url.protocol === 'https:', 'TLS is never left');
        law(value.url.username === '' && value.url.password === '', 'no user info is sent');
        const kind = classifyAddress(value.url.hostname);
        law(kind !== 'metadata' && kind !== 'link-local', 'no metadata service is asked');
        if (at === 0) law(kind === undefined || kind === 'public', 'a public registry leads to public addresses only');
      }
      const strict = attempt(hear, () => admitRealm(input, peer, 'same-origin'));
      if (strict.ok) sameLaw(strict.value.url.origin, new URL(origin).origin, 'the same origin is the same');
      const upload = attempt(hear, () => admitUpload(input, from.url));
      if (upload.ok) sameLaw(new URL(upload.value).origin, new URL(origin).origin, 'an upload stays at the registry');
      return [address, ...results.map(({ ok }) => ok)];
    });
  },
};

const header: Target = {
  name: 'header',
  words: [
    'bytes 0-9/100',
    'bytes ',
    '-',
    '/*',
    '; rel="next"',
    '<',
    '>',
    ',',
    'Wed, 21 Oct 2015 07:28:00 GMT',
    '120',
    ' rel=next',
  ],
  run(input) {
    const headers = new Map([
      ['retry-after', [input]],
      ['content-range', [input]],
    ]);
    const clock = { now: () => 0, monotonic: () => 0, sleep: async () => undefined };
    const response = {
      status: 206,
      headers,
      body: nothing(),
      discard: async () => undefined,
      remoteAddress: undefined,
    };
    const wait = retryAfterMs(response, clock);
    law(wait === undefined || (wait >= 0 && Number.isFinite(wait)), 'a pause is a number from 0');
    const blob = { mediaType: 'x', digest: parseDigest(DIGEST), size: 100 };
    const part = takePart({ response } as unknown as Parameters<typeof takePart>[0], blob, { offset: 10, end: 50 });
    law((part !== undefined) === (input === 'bytes 10-49/100'), 'only the part that was asked for is taken');
    const link = nextLink([input]);
    law(link === undefined || input.includes(`<${link}>`), 'a link stands in the header');
    return [wait, link];
  },
};

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {
  // No bytes.
}

const HEAD_LIMIT = 16_384;

const httpHead: Target = {
  name: 'http-head',
  words: [
    'HTTP/1.1 200 OK',
    '\r\n',
    '\r\n\r\n',
    'Content-Length: 5',
    'Transfer-Encoding: chunked',
    'Connection: close',
    ' ',
    '\t',
  ],
  run(input) {
    const bytes = bytesOf(input);
    try {
      const end = findHeadEnd(bytes, 0, HEAD_LIMIT);
      if (end === undefined) return undefined;
      const head = parseHead(bytes.subarray(0, end));
      law(head.status >= 100 && head.status <= 999, 'a status has three digits');
      for (const [name, value] of head.headers) {
        law(name === name.toLowerCase() && !/[\r\n\0]/.test(name + value), 'a header is one line');
      }
      if (head.framing.kind === 'length') law(Number.isSafeInteger(head.framing.bytes), 'a length is exact');
      const names = head.headers.map(([name]) => name);
      law(!(names.includes('content-length') && names.includes('transfer-encoding')), 'an answer has one length');
      return head;
    } catch (error) {
      const { code } = error as { readonly code?: unknown };
      if (code !== ANSWER_INVALID && code !== HEAD_TOO_LONG) throw error;
      return undefined;
    }
  },
};

const errorReply: Target = {
  name: 'error-reply',
  words: [
    '{"errors":[',
    '"code":"DENIED"',
    '"message":"',
    '"detail":',
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    'null',
    '\\u0054',
    SECRET,
  ],
  silent: true,
  async run(input, hear) {
    const request = { method: 'GET', url: 'https://r.example/v2/', headers: {} } as const;
    const mask = createMask([SECRET, `user:${SECRET}`, Buffer.from(`user:${SECRET}`).toString('base64')]);
    const body = (async function* () {
      yield bytesOf(input);
    })();
    const headers = new Map([['x-request-id', [input.slice(0, 200)]]]);
    const response = { status: 403, headers, body, discard: async () => undefined, remoteAddress: undefined };
    // It never gets late.
    const clock = { now: () => 0, monotonic: () => 0, sleep: () => new Promise<void>(() => undefined) };
    const answer = {
      response,
      request,
      url: request.url,
      authorization: undefined,
      shown: request.url,
      foreign: false,
    };
    const error = await responseError({ ...answer, mask, echoes: () => false }, clock);
    hear(error);
    // No more than is read of a body, with each character of it escaped.
    law(error.message.length < 3 * 8192 && !/[\p{Cc}\p{Cs}]/u.test(error.message), 'a message is a line');
    law(error.diagnostics.length <= 8, 'no more than 8 errors are told');
    return error.message;
  },
};

export const NETWORK_TARGETS: readonly Target[] = [challenge, url, header, httpHead, errorReply];
