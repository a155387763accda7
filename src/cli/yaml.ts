import { readYamlDocuments, YamlFault } from '../node/inner.js';

/** As much as a large cluster has, and no more than memory bears. */
const LIMITS = { maxTokens: 20_000_000, maxNodes: 10_000_000 };

/** Every document of YAML that is not empty, or what is wrong with it and where, without a word of the text. */
export function parseYaml(bytes: Uint8Array): readonly unknown[] | string {
  try {
    return Array.from(readYamlDocuments(bytes, LIMITS)).filter((document) => document !== null);
  } catch (error) {
    if (error instanceof YamlFault) return error.message.replace(/^yaml: /u, '').replaceAll('\n', ' ');
    throw error;
  }
}
