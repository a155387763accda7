import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createCriImageService, type CriImageService } from 'kubepull/cri';
import { createSecret, type Credential } from 'kubepull/docker-config';
import { isImageError } from 'kubepull/errors';
import { createNodeRuntime, nodeHasher } from 'kubepull/node';
import { parseImageManifest } from 'kubepull/oci';
import { parsePlatform } from 'kubepull/platform';
import { pullImage } from 'kubepull/puller';
import { createMemoryStore, readContent } from 'kubepull/store';
import { ACCOUNT } from './challenges.ts';
import type { Scripted } from './servers.ts';

/** What became of an input: the digest of the config of the image that was pulled, or why none was. */
export type Outcome = { readonly image: string } | { readonly refused: string };

const PLATFORM = parsePlatform('linux/amd64');
const LIMIT_MS = 120_000;
const credential: Credential = {
  username: ACCOUNT.username,
  password: createSecret(ACCOUNT.password),
  identityToken: undefined,
  registryToken: undefined,
  email: undefined,
};

const nameOf = ({ place, served }: Scripted): string => {
  const { reference = '1' } = served;
  return `${place.registry}/${place.repository}${reference.includes(':') ? '@' : ':'}${reference}`;
};

/** Whatever is thrown, as one word. */
export async function outcomeOf(pull: () => Promise<string>): Promise<Outcome> {
  try {
    return { image: await pull() };
  } catch (error) {
    return { refused: isImageError(error) && error.code !== 'ERR_RUNTIME' ? error.code : 'refused' };
  }
}

export function pullWithKubepull(input: Scripted): Promise<Outcome> {
  return outcomeOf(async () => {
    const runtime = createNodeRuntime({ proxy: 'none' });
    try {
      const store = createMemoryStore({ createHasher: nodeHasher });
      const { registry, other, tokens } = input.place;
      const { manifest } = await pullImage(nameOf(input), {
        runtime,
        store,
        platform: PLATFORM,
        plainHttp: [registry, other, tokens],
        signal: AbortSignal.timeout(LIMIT_MS),
        ...(input.served.account === true ? { credential } : {}),
      });
      const bytes = await readContent(store, manifest, { maxBytes: 8_000_000 });
      return parseImageManifest(bytes, { mediaType: manifest.mediaType }).config.digest;
    } finally {
      await runtime.close();
    }
  });
}

export function pullWithContainerd(service: CriImageService, input: Scripted): Promise<Outcome> {
  return outcomeOf(async () => {
    const image = { image: nameOf(input), annotations: {}, runtimeHandler: '' };
    const signal = AbortSignal.timeout(LIMIT_MS);
    const auth = { pattern: 'bench', credential, source: { kind: 'inline' } as const };
    await service.pullImage(
      { image, auth: input.served.account === true ? auth : undefined, sandbox: undefined },
      { signal },
    );
    const found = await service.imageStatus(image, { signal });
    if (found === undefined) throw new Error('Not there');
    return found.id;
  });
}

export const connectToContainerd = (endpoint: string): CriImageService => createCriImageService({ endpoint });

/** Copies with skopeo into a folder; gives the digest of the config. */
export async function copyWithSkopeo(
  source: string,
  directory: string,
  flags: readonly string[] = [],
): Promise<Outcome> {
  const folder = mkdtempSync(join(directory, 'skopeo-'));
  const outcome = await outcomeOf(async () => {
    const system = ['--override-os', 'linux', '--override-arch', 'amd64', '--insecure-policy'];
    await new Promise<void>((resolve, reject) => {
      const args = [...system, 'copy', '--quiet', ...flags, source, `dir:${folder}`];
      execFile('skopeo', args, { timeout: LIMIT_MS }, (error) => (error === null ? resolve() : reject(error)));
    });
    const { config } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as {
      config: { digest: string };
    };
    return config.digest;
  });
  rmSync(folder, { recursive: true });
  return outcome;
}

export function pullWithSkopeo(input: Scripted, directory: string): Promise<Outcome> {
  const account =
    input.served.account === true ? ['--src-creds', `${ACCOUNT.username}:${ACCOUNT.password}`] : ['--src-no-creds'];
  return copyWithSkopeo(`docker://${nameOf(input)}`, directory, ['--src-tls-verify=false', ...account]);
}
