// The configuration of Docker and podman on a person's machine, with its helpers.
import { expect } from 'vitest';
import { loadDockerKeyring } from 'kubepull/node';
import { parseImageName } from 'kubepull/reference';
import { homeWith } from '../node/docker/home.ts';
import { canary } from '../support/canary.ts';
import { type Case, inputWith } from './case.ts';

/** The helpers that the cases name: one has no credential for anybody, one leaves ServerURL out. */
const HELPERS = {
  notfound: 'echo "credentials not found in native keychain"; exit 1',
  nourl: `printf '{"Username":"u","Secret":"%s"}' ${canary('password')}`,
};

export async function checkDocker({ input, expected }: Case): Promise<void> {
  const { config, image } = inputWith(input, 'config', 'image') ?? {};
  const { env, write } = homeWith(HELPERS);
  write('.docker/config.json', config);
  const { candidates, sources } = await (await loadDockerKeyring({ env })).lookup(parseImageName(String(image)));
  const given = candidates.map(({ entry: { credential } }) => (credential.identityToken === undefined ? 'credential' : 'identity token'));
  const [wanted = ''] = /^(?:anonymous|none|credential|identity token)/.exec(expected) ?? [];
  expect(wanted).not.toBe('');
  expect(given).toEqual(wanted === 'anonymous' || wanted === 'none' ? [] : [wanted]);
  expect(sources.every(({ outcome }) => outcome === 'fetched' || outcome === 'unsuited')).toBe(true);
}
