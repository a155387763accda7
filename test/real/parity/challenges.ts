import { type Answer, type Asked, type Input, inputsOf, type Place, type Serve, served } from './kit.ts';

const TOKEN = 'a-token-of-the-bench';
/** What the three are given where an input has an account. */
export const ACCOUNT = { username: 'user', password: 'pass-of-the-bench' };
const BASIC = `Basic ${Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64')}`;

type Challenge = (place: Place) => string | readonly string[];
interface More {
  /** What the token server sends. */
  readonly token?: (asked: Asked) => Answer;
  readonly account?: boolean;
  /** What is asked for a token. */
  readonly only?: (asked: Asked) => boolean;
  readonly status?: number;
}

const json = (value: unknown, headers: Answer['headers'] = {}): Answer => ({
  headers: { 'content-type': 'application/json', ...headers },
  body: typeof value === 'string' ? value : JSON.stringify(value),
});

/** A registry that wants a token, or the account, and challenges so. */
const challenged =
  (challenge: Challenge, more: More = {}): Serve =>
  (id) =>
    served(id, {
      account: more.account ?? false,
      before(asked, place) {
        if (asked.server === 'tokens') return (more.token ?? (() => json({ token: TOKEN })))(asked);
        const { authorization } = asked.headers;
        if (authorization === `Bearer ${TOKEN}` || authorization === BASIC) return undefined;
        if (more.only !== undefined && !more.only(asked)) return undefined;
        const status = more.status ?? 401;
        const value = challenge(place);
        return {
          status,
          headers: value === '' ? {} : { 'www-authenticate': value },
          body: '{"errors":[{"code":"UNAUTHORIZED"}]}',
        };
      },
    });

const realm = ({ tokens, repository }: Place, path = `/${repository}`): string => `http://${tokens}${path}`;
const scope = ({ repository }: Place): string => `repository:${repository}:pull`;
const bearer =
  (template: string): Challenge =>
  (place) =>
    template
      .replace('REALM', realm(place))
      .replace('SCOPE', scope(place))
      .replace('TOKENS', place.tokens)
      .replace('PATH', `/${place.repository}`);
const USUAL = 'Bearer realm="REALM",service="bench",scope="SCOPE"';
const form = (template: string, more: More = {}): Serve => challenged(bearer(template), more);
const token = (answer: Answer | ((asked: Asked) => Answer), more: More = {}): Serve =>
  form(USUAL, { ...more, token: typeof answer === 'function' ? answer : () => answer });

export const CHALLENGES: readonly Input[] = inputsOf('C', {
  'as registries send it': form(USUAL),
  'with an account': form(USUAL, {
    account: true,
    token: ({ headers }) => (headers['authorization'] === BASIC ? json({ token: TOKEN }) : { status: 401 }),
  }),
  'Basic, with an account': challenged(() => 'Basic realm="bench"', { account: true }),
  'Basic without a realm, with an account': challenged(() => 'Basic', { account: true }),
  'Basic, without an account': challenged(() => 'Basic realm="bench"'),
  'the scheme in small letters': form('bearer realm="REALM",service="bench",scope="SCOPE"'),
  'the scheme in capitals': form('BEARER realm="REALM",service="bench",scope="SCOPE"'),
  'parameters in capitals': form('Bearer Realm="REALM",Service="bench",Scope="SCOPE"'),
  'spaces behind the commas': form('Bearer realm="REALM", service="bench", scope="SCOPE"'),
  'spaces around the equals signs': form('Bearer realm = "REALM", service = "bench", scope = "SCOPE"'),
  'spaces for commas': form('Bearer realm="REALM" service="bench" scope="SCOPE"'),
  'semicolons for commas': form('Bearer realm="REALM";service="bench";scope="SCOPE"'),
  'values without quotes': form('Bearer realm=REALM,service=bench,scope=SCOPE'),
  'a service without quotes': form('Bearer realm="REALM",service=bench.example.com:443,scope="SCOPE"'),
  'values in single quotes': form("Bearer realm='REALM',service='bench',scope='SCOPE'"),
  'a comma at the end': form(`${USUAL},`),
  'two commas': form('Bearer realm="REALM",,service="bench",scope="SCOPE"'),
  'a tab behind the scheme': form('Bearer\trealm="REALM",service="bench",scope="SCOPE"'),
  'two spaces behind the scheme': form('Bearer  realm="REALM",service="bench",scope="SCOPE"'),
  'no closing quote': form('Bearer realm="REALM",service="bench",scope="SCOPE'),
  'an escaped quote': form('Bearer realm="REALM",service="be\\"nch",scope="SCOPE"'),
  'an escaped slash in the realm': form('Bearer realm="http:\\/\\/TOKENSPATH",service="bench",scope="SCOPE"'),
  'a parameter twice': form('Bearer realm="REALM",service="bench",service="other",scope="SCOPE"'),
  'a realm twice': form('Bearer realm="REALM",realm="http://127.0.0.1:1/",service="bench",scope="SCOPE"'),
  'other parameters': form(`${USUAL},error="insufficient_scope",x="y"`),
  'an error with spaces': form(`${USUAL},error_description="not, at all"`),
  'no service': form('Bearer realm="REALM",scope="SCOPE"'),
  'a service that is empty': form('Bearer realm="REALM",service="",scope="SCOPE"'),
  'no scope': form('Bearer realm="REALM",service="bench"'),
  'a scope that is empty': form('Bearer realm="REALM",service="bench",scope=""'),
  'two scopes': form('Bearer realm="REALM",service="bench",scope="SCOPE repository:other:pull"'),
  'the scope of another repository': form('Bearer realm="REALM",service="bench",scope="repository:other:pull"'),
  'a realm with a query': form('Bearer realm="REALM?x=1",service="bench",scope="SCOPE"'),
  'a realm with a fragment': form('Bearer realm="REALM#x",service="bench",scope="SCOPE"'),
  'a realm with spaces at its end': form('Bearer realm="REALM ",service="bench",scope="SCOPE"'),
  'a realm without scheme': form('Bearer realm="TOKENSPATH",service="bench",scope="SCOPE"'),
  'a realm that is a path': form('Bearer realm="/token",service="bench",scope="SCOPE"'),
  'a realm of another scheme': form('Bearer realm="ftp://TOKENSPATH",service="bench",scope="SCOPE"'),
  'no realm': form('Bearer service="bench",scope="SCOPE"'),
  'a realm that is empty': form('Bearer realm="",service="bench",scope="SCOPE"'),
  'no challenge': challenged(() => ''),
  'a scheme alone': challenged(() => 'Bearer'),
  'a scheme that nobody knows': challenged(() => 'Negotiate'),
  'Negotiate before Bearer, in two headers': challenged((place) => ['Negotiate', bearer(USUAL)(place) as string]),
  'Basic before Bearer, in two headers': challenged((place) => ['Basic realm="bench"', bearer(USUAL)(place) as string]),
  'Bearer before Basic, in two headers': challenged((place) => [bearer(USUAL)(place) as string, 'Basic realm="bench"']),
  'Basic before Bearer, in one header': form(`Basic realm="bench", ${USUAL}`),
  'Bearer before Basic, in one header': form(`${USUAL}, Basic realm="bench"`),
  'Basic and Bearer, with an account': challenged((place) => ['Basic realm="bench"', bearer(USUAL)(place) as string], {
    account: true,
  }),
  'at manifests only': form(USUAL, { only: ({ kind }) => kind === 'manifests' }),
  'at blobs only': form(USUAL, { only: ({ kind }) => kind === 'blobs' }),
  'at everything but /v2/': form(USUAL, { only: ({ kind }) => kind !== 'other' }),
  'with 403': form(USUAL, { status: 403 }),
  'with 400': form(USUAL, { status: 400 }),
  'the token as access_token': token(json({ access_token: TOKEN })),
  'both names of the token': token(json({ token: TOKEN, access_token: 'other' })),
  'an empty token beside access_token': token(json({ token: '', access_token: TOKEN })),
  'a token that is null beside access_token': token(json({ token: null, access_token: TOKEN })),
  'a token that is empty': token(json({ token: '' })),
  'a token that is a number': token(json({ token: 1 })),
  'no token': token(json({})),
  'a token with a line break': token(json({ token: `${TOKEN}\n` })),
  'a token that is wrong': token(json({ token: 'wrong' })),
  'expires_in 0': token(json({ token: TOKEN, expires_in: 0 })),
  'expires_in negative': token(json({ token: TOKEN, expires_in: -1 })),
  'expires_in a text': token(json({ token: TOKEN, expires_in: '300' })),
  'expires_in null': token(json({ token: TOKEN, expires_in: null })),
  'expires_in with a fraction': token(json(`{"token":"${TOKEN}","expires_in":300.5}`)),
  'issued_at that is no time': token(json({ token: TOKEN, issued_at: 'now' })),
  'issued_at empty': token(json({ token: TOKEN, issued_at: '' })),
  'issued_at without zone': token(json({ token: TOKEN, issued_at: '2026-01-01T00:00:00' })),
  'issued_at a number': token(json({ token: TOKEN, issued_at: 1_700_000_000 })),
  'a refresh token beside it': token(json({ token: TOKEN, refresh_token: 'r' })),
  'Content-Type text/plain': token({
    headers: { 'content-type': 'text/plain' },
    body: JSON.stringify({ token: TOKEN }),
  }),
  'a byte order mark': token(json(`\u{feff}${JSON.stringify({ token: TOKEN })}`)),
  'text behind the answer': token(json(`${JSON.stringify({ token: TOKEN })}x`)),
  'an answer in XML': token({ body: '<token/>' }),
  'an answer that is empty': token({ body: '' }),
  'status 201': token({ ...json({ token: TOKEN }), status: 201 }),
  'status 401 of the token server': token({ status: 401 }),
  'status 403 of the token server': token({ status: 403 }),
  'status 404 of the token server': token({ status: 404 }),
  'a redirect of the token server': token(({ path }) =>
    path.startsWith('/moved') ? json({ token: TOKEN }) : { status: 307, headers: { location: '/moved' } },
  ),
  'tokens without end': token(json({ token: 'x'.repeat(100_000) })),
});
