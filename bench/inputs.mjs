// The inputs of the topics: those of the tests' vectors, and the ones that the figures of other projects are known for.
import { readFileSync } from 'node:fs';

/**
 * The named text fields of every case of a vector file; empty where a case has none.
 *
 * @param {string} file
 * @param {readonly string[]} fields
 * @returns {readonly (readonly string[])[]}
 */
export function readInputs(file, fields) {
  const text = readFileSync(new URL(`../test/vectors/${file}`, import.meta.url), 'utf8');
  const { cases } = /** @type {{ cases: readonly Record<string, unknown>[] }} */ (JSON.parse(text));
  return cases.map((vector) => fields.map((field) => (typeof vector[field] === 'string' ? vector[field] : '')));
}

const DIGEST = `sha256:${'e3b0c442'.repeat(8)}`;

/** Ten usual references, from the shortest name to one with everything. */
export const REFERENCES = [
  'nginx',
  'nginx:1.25.3-alpine',
  'library/ubuntu:22.04',
  'docker.io/bitnami/postgresql:16.1.0-debian-11-r15',
  'registry.k8s.io/kube-apiserver:v1.29.0',
  'quay.io/prometheus/prometheus:v2.48.1',
  'ghcr.io/acme-corp/platform/api-server:sha-0a1b2c3d',
  '123456789012.dkr.ecr.us-east-1.amazonaws.com/team/service:v1.2.3',
  `gcr.io/distroless/static-debian12@${DIGEST}`,
  `localhost:5000/dev/app:latest@${DIGEST}`,
];

/**
 * A pull secret's document with as many entries, one of ten a glob.
 *
 * @param {number} entries
 */
export function dockerConfig(entries) {
  const auths = Array.from({ length: entries }, (_, at) => {
    const location = at % 10 === 9 ? `*.g${at}.example.com` : `r${at}.example.com`;
    return [location, { auth: btoa(`u${at}:p${at}`) }];
  });
  return JSON.stringify({ auths: Object.fromEntries(auths) });
}

/**
 * The result of a call that may refuse its input.
 *
 * @param {() => unknown} call
 */
export function attempt(call) {
  try {
    return call();
  } catch {
    return undefined;
  }
}
