import type { CallOptions } from '../../clock/index.js';
import type { Credential } from '../../docker-config/index.js';
import type { ImageName, ImageReference } from '../../reference/index.js';
import { classifyAddress } from '../transport/address.js';
import type { Admission, FollowedResponse } from '../transport/transport.js';
import { type Authorizer, type AuthorizerContext, createAuthorizer } from './authorizer.js';
import { type Challenge, parseChallenges } from './challenge.js';
import { createKnownSecrets, type KnownSecrets } from './token.js';

/** Repositories at other servers that are remembered; whoever has more asks again. */
const MAX_PLACES = 256;
/** A repository in a path of the API. What does not look like it has the name that it has at the registry. */
const REPOSITORY = /\/v2\/([a-z0-9._/-]{1,255})\/(?:manifests|blobs|tags|referrers)\//;

/**
 * Whom to be at a server that the registry redirects to, when that server asks: what a keyring has for the host and
 * repository there. It is asked for that host, never for the registry's own.
 *
 * @public
 */
export type RedirectCredential = (
  image: ImageName,
  options: CallOptions,
) => Credential | undefined | Promise<Credential | undefined>;

/** Answers the challenges of servers that a registry redirects to, and never with the registry's credential. */
export interface Elsewhere {
  /** What to send to a URL there, if that server has asked for something and it was got. */
  authorizationAt(url: URL, ref: ImageReference): Admission | undefined;
  /** Whether it was answered with what was kept from before, which may be why it asks. */
  isKept(followed: FollowedResponse, ref: ImageReference): boolean;
  /**
   * Gets what the server asked for that answered; false when nothing new can be sent.
   *
   * @throws {@link RequestRefusedError} when the realm may not be asked; the errors of the token server
   */
  answer(followed: FollowedResponse, ref: ImageReference, options: CallOptions): Promise<boolean>;
}

interface Place {
  readonly authorizer: Authorizer;
  readonly scope: string;
  readonly secrets: KnownSecrets;
  authorization: string | undefined;
  isKept: boolean;
}

/**
 * A registry behind a domain of one's own gives tokens to anybody: an anonymous token of the target is asked for there,
 * or one for what `credentialFor` has for that host.
 */
export function createElsewhere(
  context: Omit<AuthorizerContext, 'credential' | 'secrets'>,
  credentialFor: RedirectCredential = () => undefined,
): Elsewhere {
  const places = new Map<string, Place>();
  const open = async (url: URL, ref: ImageReference, { signal }: CallOptions): Promise<Place> => {
    const key = keyOf(url, ref);
    const known = places.get(key);
    if (known !== undefined) return known;
    const path = repositoryOf(url, ref);
    const credential = mayHave(url) ? await credentialFor({ domain: domainOf(url), path }, { signal }) : undefined;
    const secrets = createKnownSecrets(credential);
    const parts = { ...context, origin: url.origin, behalf: context.origin, credential, secrets };
    const authorizer = createAuthorizer(parts);
    const scope = `repository:${path}:pull`;
    const place = { authorizer, scope, secrets, authorization: undefined, isKept: false };
    if (places.size === MAX_PLACES) places.clear();
    places.set(key, place);
    return place;
  };
  return {
    authorizationAt(url, ref) {
      const { authorization, secrets } = places.get(keyOf(url, ref)) ?? {};
      return authorization === undefined ? undefined : { authorization, secrets: secrets?.all ?? [] };
    },
    isKept(followed, ref) {
      const place = places.get(keyOf(new URL(followed.url), ref));
      return place?.isKept === true && place.authorization === followed.authorization;
    },
    async answer(followed, ref, { signal }) {
      const url = new URL(followed.url);
      const challenges = parseChallenges(followed.response.headers.get('www-authenticate') ?? []);
      if (url.origin === context.origin || !challenges.some(isSpoken)) return false;
      const place = await open(url, ref, { signal });
      const need = { scopes: [place.scope], signal };
      const sent = followed.authorization;
      // Another request may have got it meanwhile.
      if (place.authorization !== undefined && place.authorization !== sent) return true;
      const challenge = place.authorizer.choose(challenges, sent);
      const { value, isKept } =
        challenge === undefined
          ? { value: await place.authorizer.current(need), isKept: false }
          : await place.authorizer.answer({ challenge, sent, followed }, need);
      Object.assign(place, { authorization: value, isKept });
      return place.authorization !== undefined && place.authorization !== sent;
    },
  };
}

function isSpoken({ scheme }: Challenge): boolean {
  return scheme === 'bearer' || scheme === 'basic';
}

/** Plain HTTP is opted in for the registry itself; what it leads to in the clear is asked as nobody, but on this machine. */
function mayHave({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || classifyAddress(hostname) === 'loopback';
}

/** One credential may be for one repository only, as may a token. */
function keyOf(url: URL, ref: ImageReference): string {
  return `${url.origin} ${repositoryOf(url, ref)}`;
}

function repositoryOf({ pathname }: URL, { path }: ImageReference): string {
  return REPOSITORY.exec(pathname)?.[1] ?? path;
}

/** As a reference names the host. */
function domainOf({ host }: URL): string {
  return host === 'registry-1.docker.io' ? 'docker.io' : host;
}
