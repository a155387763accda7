import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import type { Credential } from '../../docker-config/index.js';
import { quote } from '../../internal/index.js';
import { normalizeKey } from '../../match/index.js';
import { isSameCredential, listed } from '../rules/shared.js';
import { finding } from '../rules/rules.js';
import type { LintFinding, NodeConfig } from '../rules/finding.js';

/**
 * Looks for what differs between the docker configs of nodes: a pod is pulled with what the node has that it comes to.
 *
 * Keys are compared in their normal form, so `https://r.example/v1/` and `r.example` are one. Which credential is right nobody
 * can tell here: the one that most nodes have counts as usual, of two equally frequent ones that of the first node.
 *
 * @param configs - the nodes, each with the entries of its docker config; a node without one has no entries
 * @returns the findings, none when all nodes have the same; no value of a config is in them
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when it is no list of nodes with entries
 * @example
 * ```ts
 * import { parseDockerConfigJson } from 'kubepull/docker-config';
 * import { compareNodeConfigs } from 'kubepull/lint';
 *
 * const entries = parseDockerConfigJson('{"auths":{"r.example":{"username":"u","password":"word"}}}');
 * compareNodeConfigs([{ node: 'a', entries }, { node: 'b', entries: [] }]).map(({ code, place }) => `${code} ${place}`);
 * // ['NODE_KEY_MISSING node "b" auths["r.example"]']
 * ```
 * @public
 */
export function compareNodeConfigs(configs: readonly NodeConfig[]): readonly LintFinding[] {
  const kind = is.shape({ node: is.text, entries: is.listOf(is.entry) }, 'a node with its entries');
  check('Cannot compare the docker configs of nodes', { configs }, { configs: is.listOf(kind) });
  const keys = new Map<string, Map<string, readonly Credential[]>>();
  for (const { node, entries } of configs) {
    for (const { pattern, credential } of entries) {
      const key = normalizeKey(pattern);
      if (key === undefined) continue;
      const byNode = keys.get(key) ?? new Map<string, readonly Credential[]>();
      byNode.set(node, [...(byNode.get(node) ?? []), credential]);
      keys.set(key, byNode);
    }
  }
  const nodes = [...new Set(configs.map(({ node }) => node))];
  return [...keys].flatMap(([key, byNode]) => [...compareKey(key, byNode, nodes)]);
}

function* compareKey(
  key: string,
  byNode: ReadonlyMap<string, readonly Credential[]>,
  nodes: readonly string[],
): Generator<LintFinding> {
  const having = [...byNode.keys()];
  const placeOf = (node: string): string => `node ${quote(node)} auths[${quote(key)}]`;
  for (const node of nodes) {
    if (byNode.has(node)) continue;
    yield finding('NODE_KEY_MISSING', placeOf(node), `It is on ${listed(having)}`);
  }
  const groups: { readonly credentials: readonly Credential[]; readonly nodes: string[] }[] = [];
  for (const [node, credentials] of byNode) {
    const group = groups.find((one) => areSame(one.credentials, credentials));
    if (group === undefined) groups.push({ credentials, nodes: [node] });
    else group.nodes.push(node);
  }
  const [usual, ...others] = groups.toSorted((a, b) => b.nodes.length - a.nodes.length);
  for (const node of others.flatMap((group) => group.nodes)) {
    yield finding('NODE_CREDENTIAL_DIFFERS', placeOf(node), `It is not that of ${listed(usual?.nodes ?? [])}`);
  }
}

function areSame(a: readonly Credential[], b: readonly Credential[]): boolean {
  return a.length === b.length && a.every((one, at) => isSameCredential(one, b[at] as Credential));
}
