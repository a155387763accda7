import type { SecretLike, ServiceAccountLike } from '../../pull-secrets/index.js';
import type { MetadataLike } from '../../kubernetes/index.js';
import { quote } from '../../internal/index.js';
import { finding } from '../rules/rules.js';
import type { LintFinding } from '../rules/finding.js';

type Unknowns = Readonly<Record<string, unknown>>;

/** Takes note of what has a wrong type; objects come from YAML and plain JavaScript, too. */
export type Report = (found: LintFinding) => void;

/** The object, or an empty one; `null` and `undefined` stand for an absent one, as in the API. */
export function readObject(value: unknown, place: string, report: Report): Unknowns {
  if (value === null || value === undefined) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Unknowns;
  report(finding('OBJECT_MALFORMED', place, 'It should be an object'));
  return {};
}

export function readList(value: unknown, place: string, report: Report): readonly unknown[] {
  if (value === null || value === undefined) return [];
  // A sparse list would have holes that no loop sees.
  if (Array.isArray(value)) return Array.from(value as readonly unknown[]);
  report(finding('OBJECT_MALFORMED', place, 'It should be a list'));
  return [];
}

export function readText(value: unknown, place: string, report: Report): string {
  if (typeof value === 'string') return value;
  if (value !== null && value !== undefined) report(finding('OBJECT_MALFORMED', place, 'It should be text'));
  return '';
}

export function readMetadata(value: unknown, report: Report): MetadataLike {
  const metadata = readObject(value, 'metadata', report);
  return {
    name: readText(metadata['name'], 'metadata.name', report),
    namespace: readText(metadata['namespace'], 'metadata.namespace', report),
  };
}

/** Names of a list of `{ name }`. */
export function readNames(value: unknown, place: string, report: Report): readonly string[] {
  return readList(value, place, report).map((item, index) => {
    const at = `${place}[${index}]`;
    if (typeof item === 'string') {
      report(finding('OBJECT_MALFORMED', at, 'It should be an object with a name, and is text', `- name: ${item}`));
      return item;
    }
    return readText(readObject(item, at, report)['name'], `${at}.name`, report);
  });
}

/** A secret of which every part has the type that it should have. */
export function readSecret(value: unknown, report: Report): SecretLike {
  const secret = readObject(value, '', report);
  return {
    metadata: readMetadata(secret['metadata'], report),
    type: readText(secret['type'], 'type', report),
    data: readTexts(secret['data'], 'data', report),
    stringData: readTexts(secret['stringData'], 'stringData', report),
  };
}

export function readTexts(value: unknown, place: string, report: Report): Readonly<Record<string, string>> {
  const entries = Object.entries(readObject(value, place, report));
  // Own properties, also one of the name __proto__.
  return Object.fromEntries(entries.map(([key, text]) => [key, readText(text, `${place}[${quote(key)}]`, report)]));
}

export function readServiceAccount(value: unknown, report: Report): ServiceAccountLike {
  const account = readObject(value, 'serviceAccount', report);
  const names = readNames(account['imagePullSecrets'], 'serviceAccount.imagePullSecrets', report);
  return {
    metadata: readMetadata(account['metadata'], report),
    imagePullSecrets: names.map((name) => ({ name })),
  };
}
