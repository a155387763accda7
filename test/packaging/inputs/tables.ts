// One good call of every function of every entry. A function that is missing here fails the test.
import * as adapters from './adapters.ts';
import * as checks from './checks.ts';
import * as decisions from './decisions.ts';
import * as managers from './managers.ts';
import * as names from './names.ts';
import * as providers from './providers.ts';
import * as stores from './stores.ts';
import * as transfers from './transfers.ts';
import type { Table } from './wrong-inputs.ts';

export const tables: Readonly<Record<string, Table>> = {
  admission: decisions.admission,
  backoff: decisions.backoff,
  clock: decisions.clock,
  digest: decisions.digests,
  'docker-config': names.dockerConfigs,
  errors: names.errors,
  oci: names.oci,
  reference: names.reference,
  metrics: decisions.metrics,
  pin: decisions.pin,
  platform: decisions.platform,
  'pull-policy': decisions.pullPolicy,
  'pull-secrets': decisions.pullSecrets,
  rules: decisions.rules,
  tracing: decisions.tracings,
  'image-access': stores.imageAccess,
  'image-gc': stores.imageGc,
  store: stores.store,
  testing: stores.testing,
  cri: stores.cri,
  'image-manager': managers.imageManager,
  preflight: checks.checks,
  puller: transfers.puller,
  distribution: transfers.distribution,
  'image-service': transfers.imageService,
  mirrors: names.mirrors,
  cloud: providers.cloud,
  'credential-provider': providers.credentialProvider,
  keyring: names.keyring,
  match: names.match,
  node: adapters.node,
  cli: adapters.cli,
  lint: names.lint,
  explain: names.explain,
  failures: names.failures,
  kubernetes: names.kubernetes,
};
