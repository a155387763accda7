/** A private registry of Amazon ECR, or the public one. */
export interface EcrRegistry {
  /** The twelve digits of the account; `undefined` for the public registry. */
  readonly account: string | undefined;
  readonly region: string;
  /** The service that signs for it. */
  readonly service: 'ecr' | 'ecr-public';
  /** Where its API answers. */
  readonly api: string;
}

/** Domains of registries, by partition. */
const DOMAINS = [
  'amazonaws\\.com',
  'amazonaws\\.com\\.cn',
  'amazonaws\\.eu',
  'c2s\\.ic\\.gov',
  'sc2s\\.sgov\\.gov',
  'cloud\\.adc-e\\.uk',
  'csp\\.hci\\.ic\\.gov',
].join('|');
const PRIVATE = new RegExp(`^(\\d{12})\\.dkr\\.ecr(-fips)?\\.([a-z\\d][\\w-]*)\\.(${DOMAINS})$`);
/** The names with both IPv4 and IPv6. */
const DUAL_STACK = /^(\d{12})\.dkr-ecr(-fips)?\.([a-z\d][\w-]*)\.on\.(aws|amazonwebservices\.com\.cn)$/;

/**
 * Reads the host of a registry of ECR.
 *
 * @returns `undefined` for the registry of somebody else, also with a port: ECR has none
 * @see https://docs.aws.amazon.com/general/latest/gr/ecr.html for the API's own hosts
 */
export function parseEcrHost(host: string): EcrRegistry | undefined {
  if (host === 'public.ecr.aws')
    return {
      account: undefined,
      region: 'us-east-1',
      service: 'ecr-public',
      api: 'https://api.ecr-public.us-east-1.amazonaws.com/',
    };
  const plain = PRIVATE.exec(host);
  const [, account, fips, region = '', domain = ''] = plain ?? DUAL_STACK.exec(host) ?? [];
  if (account === undefined) return undefined;
  const name = `ecr${fips ?? ''}`;
  const api =
    plain === null
      ? `https://${name}.${region}.api.${domain}/`
      : `https://${fips === undefined ? `api.${name}` : name}.${region}.${domain}/`;
  return { account, region, service: 'ecr', api };
}
