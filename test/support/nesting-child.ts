// Run by nesting.test.ts in a process of its own, bundled: reads a file that nests, and says how that ended.
import { join } from 'node:path';
import { createCredential, createSecret } from 'kubepull/docker-config';
import { logInToDocker, readCredentialProviderConfig, readHostsToml, readRegistriesConf } from 'kubepull/node';

const [reader = '', directory = ''] = process.argv.slice(2);
const readers: Readonly<Record<string, () => Promise<unknown>>> = {
  plugins: () => readCredentialProviderConfig(join(directory, 'file')),
  hosts: () => readHostsToml({ directories: [directory] }),
  registries: () => readRegistriesConf({ path: join(directory, 'file'), dropInDirectories: [] }),
  login: () => {
    const jane = createCredential({ username: 'jane', password: createSecret('word') });
    return logInToDocker('r.example', jane, { path: join(directory, 'file') });
  },
};

const end = await readers[reader]?.().then(
  () => 'read',
  (error: unknown) => `${(error as { code?: string }).code} ${(error as Error).message}`,
);
console.log(end);
