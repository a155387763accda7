// The four ways to run docker-registry, each with the same image in it.
import { canary } from '../support/canary.ts';
import { startTokenServer } from '../support/token-server.ts';
import type { Place } from './matrix-fronts.ts';
import { type Account, type RealRegistry, startRegistryServer } from './servers-registry.ts';

export const REGISTRIES = ['open', 'htpasswd', 'token', 'pull-through cache'] as const;
export type RegistryKind = (typeof REGISTRIES)[number];

export interface Registry {
  readonly server: RealRegistry;
  readonly account: Account | undefined;
  /** The origin of the token server. */
  readonly tokens: string | undefined;
  /** Whether its files are there from the start. */
  readonly stored: boolean;
}

/** Starts a registry over files that are there, to be reached at a place. */
export async function openRegistry(kind: RegistryKind, data: string, { host }: Place): Promise<Registry> {
  const account = { username: 'puller', password: canary('password') };
  const open = { account: undefined, tokens: undefined, stored: true };
  switch (kind) {
    case 'open':
      return { ...open, server: await startRegistryServer({ data }) };
    case 'htpasswd':
      return { ...open, server: await startRegistryServer({ data, htpasswd: account }), account };
    case 'token': {
      const tokens = await startTokenServer(account);
      const realm = host === undefined ? tokens.realm : `https://${host}/token`;
      const server = await startRegistryServer({ data, token: { server: tokens, realm } });
      return { server, account, tokens: `http://127.0.0.1:${tokens.port}`, stored: true };
    }
    case 'pull-through cache': {
      const upstream = await startRegistryServer({ data });
      return { ...open, server: await startRegistryServer({ cacheOf: upstream.origin }), stored: false };
    }
  }
}
