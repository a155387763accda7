import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { createSecret } from '../../docker-config/index.js';
import type { HostEntry, HostTls } from './hosts-toml-parse.js';
import { configError } from '../files/config-file.js';
import { readTextFile } from './toml-file.js';
import type { RegistryTls } from '../transport/options.js';

/** What a directory without a `hosts.toml` is for: the registry's certificate authorities, and our own certificates. */
export async function findCertificates(directory: string): Promise<HostEntry> {
  const names = (await readdir(directory)).toSorted();
  const client = names
    .filter((name) => name.endsWith('.cert'))
    .map((cert) => [cert, cert.replace(/cert$/, 'key')] as const)
    .filter(([, key]) => names.includes(key));
  return {
    url: undefined,
    apiPath: undefined,
    capabilities: ['pull', 'resolve'],
    tls: {
      ca: names.filter((name) => name.endsWith('.crt')).map((name) => join(directory, name)),
      client: client.map(([cert, key]) => [join(directory, cert), join(directory, key)]),
      skipVerify: false,
    },
    ignored: [],
  };
}

/** Reads the files that TLS settings name; `undefined` when there is nothing to set. */
export async function readHostTls({ ca, client, skipVerify }: HostTls, path: string): Promise<RegistryTls | undefined> {
  const [pair] = client;
  if (ca.length === 0 && pair === undefined && !skipVerify) return undefined;
  const read = (file: string): Promise<string> => readPem(file, path);
  const own = await Promise.all(ca.map(read));
  const [cert, key] = pair === undefined ? [] : await Promise.all(pair.map(read));
  return {
    // containerd trusts these besides the system's own.
    ...(own.length === 0 ? {} : { ca: [...rootCertificates, ...own] }),
    ...(cert === undefined || key === undefined ? {} : { cert, key: createSecret(key) }),
    ...(skipVerify ? { insecureSkipVerify: true } : {}),
  };
}

async function readPem(file: string, path: string): Promise<string> {
  const text = await readTextFile(file);
  if (text === undefined) throw configError(path, 'a file of certificates or keys that it names is not there');
  return text;
}
